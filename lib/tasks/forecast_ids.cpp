#include "tasks/forecast_ids.h"

#include <filesystem>
#include <map>
#include <set>

namespace arzoo::tasks {

std::vector<std::vector<std::string>> output_ids(const ForecastInputs& inputs,
                                                 const forecast::ForecastModel& model) {
  std::vector<std::vector<std::string>> ids;
  std::map<std::string, std::set<std::string>> sources;  // of each id
  const auto& tables = inputs.tables;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto& table = tables[i];
    std::vector<std::string> names;
    for (const auto& variate : model.forecast_variates(table)) {
      if (!inputs.is_long[i]) {
        names.push_back(variate);
      } else {
        names.push_back(variate == table.variates.front() ? table.unique_id
                                                          : table.unique_id + "/" + variate);
      }
      sources[names.back()].insert(table.source);
    }
    ids.push_back(std::move(names));
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (auto& id : ids[i]) {
      if (sources[id].size() > 1) id = std::filesystem::path(tables[i].source).stem().string() + "/" + id;
    }
  }
  return ids;
}

}  // namespace arzoo::tasks
