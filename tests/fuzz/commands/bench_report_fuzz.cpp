// arzoo bench report, of a run and of a suite's results. The input is metrics.jsonl, config.json and
// table.json with a zero byte between them; of what is missing the sample stands there.

#include "fuzz/commands/command_target.h"
#include "result_summary.h"
#include "tasks/tasks.h"

namespace {

using namespace arzoo;

constexpr std::string_view kMetrics =
    "{\"step\": 1, \"epoch\": 0, \"loss\": 0.5, \"learning_rate\": 0.001, \"router/balance\": 1}\n"
    "{\"step\": 2, \"epoch\": 0, \"loss\": 0.25, \"learning_rate\": 0.001, \"val/mse\": null}\n";
constexpr std::string_view kConfig = R"({"model": {"name": "itransformer"}, "seed": 1})";
constexpr std::string_view kTable =
    R"({"title": "A table", "source": "a paper", "rows": [{"cell": "a", "mse": 0.5}, {"cell": "b", "mse": 1}]})";

class ReportTarget : public fuzz::CommandTarget {
 public:
  ReportTarget() {
    write_files("");
    measure([this](Progress& progress) { report(progress); });
  }
  void operator()(std::string_view input) const {
    write_files(input);
    run(input.size(), [this](Progress& progress) { report(progress); });
  }

 private:
  void write_files(std::string_view input) const {
    const auto metrics = fuzz::take_part(input, '\0'), config = fuzz::take_part(input, '\0');
    write("runs/run/metrics.jsonl", metrics.empty() ? kMetrics : metrics);
    write("runs/run/config.json", config.empty() ? kConfig : config);
    write("runs/suite/table.json", input.empty() ? kTable : input);
  }
  void report(Progress& progress) const {
    const auto result =
        tasks::report({{folder() / "runs"}, folder() / "report.html"}, progress, fuzz::kNeverStop);
    cli::suite_summary(result);
    dump_json(result, 2);
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ReportTarget report;
  report({reinterpret_cast<const char*>(data), size});
  return 0;
}
