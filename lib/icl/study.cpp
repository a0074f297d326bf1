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

void study(const Subject& subject, StudyRecord& record) {
  const auto name = subject.run.at("model").text("name");
  if (name == VonOswaldOptions::kName) return study_descent(subject, record);
  if (name == MesaTransformerOptions::kName) return study_dynamics(subject, record);
  if (name == AlpineOptions::kName) return study_paths(subject, record);
  study_functions(subject, record);
}

}  // namespace arzoo::icl
