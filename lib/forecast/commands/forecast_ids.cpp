#include "forecast/commands/forecast_ids.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::vector<std::string>>;

/// Folders and name of a file, without the endings .csv and .gz.
std::vector<std::string> path_parts(const std::string& source) {
  fs::path path = fs::path(source).lexically_normal().relative_path();
  if (path.extension() == ".gz") path.replace_extension();
  path.replace_extension();
  return {path.begin(), path.end()};
}

/// A name for each file: its own, after as many of its folders as tell all files apart; else the path as it
/// is given.
std::map<std::string, std::string> file_names(const std::set<std::string>& sources) {
  std::size_t deepest = 0;
  for (const auto& source : sources) deepest = std::max(deepest, path_parts(source).size());
  for (std::size_t depth = 1; depth <= deepest; ++depth) {
    std::map<std::string, std::string> names;
    std::set<std::string> distinct;
    for (const auto& source : sources) {
      const auto parts = path_parts(source);
      const auto first = parts.end() - static_cast<std::ptrdiff_t>(std::min(depth, parts.size()));
      names[source] = fmt::format("{}", fmt::join(first, parts.end(), "/"));
      distinct.insert(names[source]);
    }
    if (distinct.size() == sources.size()) return names;
  }
  std::map<std::string, std::string> names;
  for (const auto& source : sources) names[source] = source;
  return names;
}

/// Whether two files have a series of one name.
bool files_share_ids(const std::vector<io::SeriesTable>& tables, const Ids& ids) {
  std::map<std::string, std::string> first_source;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (const auto& id : ids[i]) {
      if (first_source.emplace(id, tables[i].source).first->second != tables[i].source) return true;
    }
  }
  return false;
}

/// The second series "a" becomes "a#2".
void number_repeated(Ids& ids) {
  std::set<std::string> taken;
  std::map<std::string, int> count;
  for (auto& names : ids) {
    for (auto& id : names) {
      std::string unique = id;
      for (int& n = count[id]; !taken.insert(unique).second;) unique = fmt::format("{}#{}", id, ++n + 1);
      id = std::move(unique);
    }
  }
}

}  // namespace

Ids output_ids(const ForecastInputs& inputs, const ForecastModel& model) {
  Ids ids;
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
    }
    ids.push_back(std::move(names));
  }
  if (files_share_ids(tables, ids)) {
    std::set<std::string> sources;
    for (const auto& table : tables) sources.insert(table.source);
    const auto names = file_names(sources);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      for (auto& id : ids[i]) id = names.at(tables[i].source) + "/" + id;
    }
  }
  number_repeated(ids);
  return ids;
}

}  // namespace arzoo::forecast
