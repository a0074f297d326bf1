#include "forecast/data/series_sources.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "forecast/data/covariates.h"
#include "io/csv.h"
#include "io/series_files.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

void add_tables(io::SeriesFile file, const SplitOptions& split, std::vector<SourceTable>& tables,
                std::vector<std::string>& notes) {
  notes.insert(notes.end(), file.notes.begin(), file.notes.end());
  for (auto& table : file.tables) {
    notes.insert(notes.end(), table.notes.begin(), table.notes.end());
    tables.push_back({std::move(table), split});
  }
}

void read_files(const std::vector<fs::path>& files, const FileOptions& source, const std::string& prefix,
                std::vector<SourceTable>& tables, std::vector<std::string>& notes) {
  for (const auto& path : files) {
    add_tables(io::read_series(path, read_options(source, prefix)), source.split, tables, notes);
  }
}

/// A mixture's scalers are stored under the series' names.
void require_distinct(const std::vector<SourceTable>& tables) {
  std::map<std::string, std::string> files;
  for (const auto& [table, split] : tables) {
    const auto [first, is_new] = files.emplace(table.unique_id, table.source);
    if (!is_new) {
      fail<DataError>("{}: series {} is in {} as well, expected distinct names (rename one)", table.source,
                      io::shown(table.unique_id), first->second);
    }
  }
}

/// The categories of several files: those of each column together.
io::Categories joined(const std::vector<io::Categories>& found) {
  std::map<std::string, std::set<std::string>> values;
  for (const auto& categories : found) {
    for (const auto& column : *categories)
      values[column.name].insert(column.values.begin(), column.values.end());
  }
  auto all = std::make_shared<std::vector<io::CategoryColumn>>();
  for (const auto& column : *found.front()) {
    const auto& texts = values.at(column.name);
    if (texts.size() > kMostCategories)
      fail<DataError>("column {}: {} different texts in all files, expected at most {} (group the rare ones)",
                      io::shown(column.name), texts.size(), kMostCategories);
    all->push_back({column.name, {texts.begin(), texts.end()}});
  }
  return all;
}

/// Files whose columns are targets and covariates. A column that holds texts in one of them is one of
/// categories in all, and what they are is known when all were looked at.
void read_by_roles(const std::vector<fs::path>& files, const DataOptions& options,
                   std::vector<SourceTable>& tables, std::vector<std::string>& notes) {
  auto read = read_options(options);
  auto as_categories = options.categories;
  std::vector<io::Categories> found;
  std::optional<io::CsvTable> table;
  for (bool again = true; again;) {
    again = false;
    found.clear();
    for (const auto& path : files) {
      table.emplace(io::CsvTable::read(path));
      const auto roles = resolved_roles(roles_of(options), *table, read);
      if (found.empty()) read.columns = roles.columns();
      read.statics = roles.statics;
      found.push_back(find_categories(*table, roles, as_categories));
      for (const auto& column : *found.back()) {
        if (std::find(as_categories.begin(), as_categories.end(), column.name) != as_categories.end())
          continue;
        as_categories.push_back(column.name);
        again |= found.size() > 1;
      }
    }
  }
  read.columns_option = "targets";
  read.categories = joined(found);
  for (const auto& path : files) {
    if (files.size() > 1) table.emplace(io::CsvTable::read(path));
    add_tables(io::read_series(*table, read), options.split, tables, notes);
  }
}

}  // namespace

io::MissingPolicy missing_policy(const std::string& name) {
  return name == "ffill"         ? io::MissingPolicy::ffill
         : name == "interpolate" ? io::MissingPolicy::interpolate
                                 : io::MissingPolicy::error;
}

io::SeriesReadOptions read_options(const FileOptions& options, const std::string& prefix) {
  io::SeriesReadOptions read;
  read.option_prefix = prefix;
  read.format = options.format == "wide"   ? io::SeriesFormat::wide
                : options.format == "long" ? io::SeriesFormat::long_
                                           : io::SeriesFormat::automatic;
  read.date_column = options.date;
  if (!options.id.empty()) {
    if (read.format == io::SeriesFormat::wide)
      fail<ConfigError>("{0}id: names the series of a long file, expected {0}format long", prefix);
    read.format = io::SeriesFormat::long_;
    read.id_column = options.id;
  }
  read.columns = options.columns;
  if (!options.freq.empty()) read.frequency = io::parse_frequency(options.freq);
  if (!options.resample.empty()) read.resample = io::parse_resampling(options.resample);
  if (read.frequency && read.resample)
    fail<ConfigError>("{0}freq and {0}resample cannot be given together (resample sets the frequency)",
                      prefix);
  read.missing = missing_policy(options.missing);
  return read;
}

std::vector<SourceTable> read_sources(const DataOptions& options, std::vector<std::string>& notes) {
  std::vector<SourceTable> tables;
  const auto files = options.path.empty() ? std::vector<fs::path>() : io::series_files(options.path);
  if (options.has_roles())
    read_by_roles(files, options, tables, notes);
  else
    read_files(files, options, "data.", tables, notes);
  for (std::size_t i = 0; i < options.sources.size(); ++i) {
    const auto& source = options.sources[i];
    read_files(io::series_files(source.path), source, fmt::format("data.sources[{}].", i), tables, notes);
  }
  if (options.variates_apart() || files.size() > 1) require_distinct(tables);
  return tables;
}

io::SeriesTable variate_alone(const io::SeriesTable& table, std::size_t variate) {
  io::SeriesTable alone;
  alone.unique_id = table.unique_id + "/" + table.variates[variate];
  alone.stamps = table.stamps;
  alone.variates = {"value"};
  alone.values.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) alone.values.push_back(table.at(row, variate));
  for (std::size_t row = 0; row < table.rows() && !table.filled.empty(); ++row)
    alone.filled.push_back(!table.measured(row, variate));
  alone.policy = table.policy;
  alone.frequency = table.frequency;
  alone.date_format = table.date_format;
  alone.source = table.source;
  alone.first_line = table.first_line;
  return alone;
}

}  // namespace arzoo::forecast
