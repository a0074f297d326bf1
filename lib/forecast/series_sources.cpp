#include "forecast/series_sources.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "forecast/covariates.h"
#include "io/csv.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

bool is_csv(const fs::path& path) {
  const auto name = path.filename().string();
  return name.ends_with(".csv") || name.ends_with(".csv.gz");
}

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file() && is_csv(entry.path())) files.push_back(entry.path());
  }
  if (files.empty()) fail<DataError>("{}: no .csv or .csv.gz file in this folder", path.string());
  std::sort(files.begin(), files.end());
  return files;
}

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

/// A file whose columns are targets and covariates.
io::SeriesFile read_by_roles(const DataOptions& options) {
  const auto table = io::CsvTable::read(options.path);
  auto read = read_options(options);
  const auto roles = resolved_roles(roles_of(options), table, read);
  read.columns = roles.columns();
  read.columns_option = "targets";
  read.categories = find_categories(table, roles, options.categories);
  return io::read_series(table, read);
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
  read.missing = missing_policy(options.missing);
  return read;
}

std::vector<SourceTable> read_sources(const DataOptions& options, std::vector<std::string>& notes) {
  std::vector<SourceTable> tables;
  if (options.has_roles())
    add_tables(read_by_roles(options), options.split, tables, notes);
  else if (!options.path.empty())
    read_files({options.path}, options, "data.", tables, notes);
  for (std::size_t i = 0; i < options.sources.size(); ++i) {
    const auto& source = options.sources[i];
    read_files(files_of(source.path), source, fmt::format("data.sources[{}].", i), tables, notes);
  }
  if (options.variates_apart()) require_distinct(tables);
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
