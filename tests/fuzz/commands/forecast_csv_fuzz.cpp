// arzoo forecast of a CSV file, with a model of two variates and with one that forecasts any series, under
// several options; the size of the file chooses among them.

#include "forecast/commands/forecast_command.h"
#include "fuzz/commands/small_model.h"
#include "result_summary.h"

namespace {

using namespace arzoo;

class CsvTarget : public fuzz::CommandTarget {
 public:
  CsvTarget() {
    fuzz::write_small_model(folder() / "two", "itransformer");
    fuzz::write_zero_shot_model(folder() / "any");
    write("series.csv", fuzz::sample_csv());
    for (std::size_t choice = 0; choice < kChoices; ++choice)
      measure([&](Progress& progress) { forecast(choice, progress); });
  }
  void operator()(std::string_view file) const {
    write("series.csv", file);
    fuzz::fs::remove_all(folder() / "plots");
    run(file.size(), [&](Progress& progress) { forecast(file.size() % kChoices, progress); });
  }

 private:
  static constexpr std::size_t kChoices = 6;

  void forecast(std::size_t choice, Progress& progress) const {
    auto task = fuzz::forecast_task(folder() / (choice < 4 ? "two" : "any"));
    task.inputs = {folder() / "series.csv"};
    task.output = folder() / "out.csv";
    if (choice < 4) task.levels = {50, 80};
    if (choice == 1) task.missing = "ffill";
    if (choice >= 2) task.missing = "interpolate";
    if (choice == 3 || choice == 5) task.backtest = 2;
    task.skip_short = choice == 2 || choice == 4;
    task.pad_short = choice == 1 || choice == 3;
    if (choice == 1 || choice == 5) task.plot = folder() / "plots";
    if (choice >= 4) task.horizon = 6;
    const auto result = forecast::run_forecast(task, {progress, fuzz::kNeverStop, nullptr});
    cli::forecast_summary(result);
    dump_json(result, 2);
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const CsvTarget forecast;
  forecast({reinterpret_cast<const char*>(data), size});
  return 0;
}
