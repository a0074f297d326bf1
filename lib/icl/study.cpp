#include "icl/study.h"

#include <torch/torch.h>

#include "core/atomic_file.h"
#include "icl/models.h"

namespace arzoo::icl {

void StudyRecord::table(const std::string& name, const Table& table) {
  write_atomically(folder_ / (name + ".csv"), to_csv(table));
  markdown_ += to_markdown(table) + "\n";
  tables_.push_back({{"name", name}, {"rows", to_json(table)}});
}

void StudyRecord::chart(const std::string& name, const LineChart& chart) {
  write_atomically(folder_ / (name + ".svg"), to_svg(chart));
  charts_.push_back(name + ".svg");
}

void StudyRecord::curves(const std::string& name, const std::string& title, const std::string& index,
                         const std::vector<NamedCurve>& curves, Scale scale) {
  write_atomically(folder_ / (name + ".csv"), to_csv(curve_table(index, curves)));
  chart(name, curve_chart(title, index, curves, scale));
}

Json resolve_study(const Config& options) { return arzoo::to_json(options.as<StudyOptions>()); }

Json run_study(void (*study)(const Subject&, StudyRecord&), const Config& options, const Config& run,
               const std::filesystem::path& model, const std::filesystem::path& out, Progress& progress) {
  StudyRecord record(out);
  study({run, model, options.as<StudyOptions>(), progress}, record);
  Json result{{"test", Json::object()},
              {"markdown", record.markdown()},
              {"tables", record.tables()},
              {"charts", record.charts()}};
  for (const auto& [name, value] : record.metrics()) result["test"][name] = value;
  return result;
}

}  // namespace arzoo::icl
