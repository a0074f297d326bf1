#include "forecast/data/covariates.h"

#include <algorithm>
#include <unordered_set>

#include "core/closest.h"
#include "io/csv.h"
#include "io/series_columns.h"

namespace arzoo::forecast {
namespace {

std::size_t place_of(const io::SeriesTable& table, const std::string& column) {
  const auto found = std::find(table.variates.begin(), table.variates.end(), column);
  if (found != table.variates.end()) return static_cast<std::size_t>(found - table.variates.begin());
  const auto near = closest(column, table.variates);
  fail<DataError>("{}: no column is called {}{}", table.source, io::shown(column),
                  near ? fmt::format(" (did you mean {}?)", io::shown(*near)) : "");
}

const io::CategoryColumn* texts_of(const io::Categories& categories, const std::string& column) {
  if (!categories) return nullptr;
  for (const auto& category : *categories) {
    if (category.name == column) return &category;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> CovariateRoles::columns() const {
  std::vector<std::string> all = targets;
  for (const auto* part : {&past, &future, &statics}) all.insert(all.end(), part->begin(), part->end());
  return all;
}

CovariateRoles roles_of(const DataOptions& options) {
  return {options.targets, options.past_covariates, options.future_covariates, options.static_covariates};
}

CovariateRoles resolved_roles(CovariateRoles roles, const std::vector<std::string>& columns,
                              const std::string& where) {
  if (!roles.targets.empty()) return roles;
  const auto others = roles.columns();
  const std::unordered_set<std::string_view> taken(others.begin(), others.end());
  for (const auto& column : columns) {
    if (!taken.contains(column)) roles.targets.push_back(column);
  }
  if (roles.targets.empty())
    fail<DataError>("{}: no column is left to forecast, all are covariates (name one in data.targets)",
                    where);
  return roles;
}

CovariateRoles resolved_roles(const CovariateRoles& roles, const io::CsvTable& table,
                              const io::SeriesReadOptions& read) {
  if (!roles.targets.empty()) return roles;
  auto wanted = read;
  wanted.columns.clear();
  std::vector<std::string> columns;
  for (const auto column : io::choose_columns(table, wanted).variates)
    columns.emplace_back(table.column_name(column));
  return resolved_roles(roles, columns, table.name());
}

io::Categories find_categories(const io::CsvTable& table, const CovariateRoles& roles,
                               const std::vector<std::string>& as_categories) {
  auto found = std::make_shared<std::vector<io::CategoryColumn>>();
  const auto look_at = [&](const std::vector<std::string>& columns, std::size_t most) {
    for (const auto& name : columns) {
      const auto column = table.find(name);
      if (!column) continue;  // whoever reads it says so
      const bool asked = std::find(as_categories.begin(), as_categories.end(), name) != as_categories.end();
      if (asked || io::holds_texts(table, *column))
        found->push_back({name, io::category_values(table, *column, most)});
    }
  };
  look_at(roles.past, kMostCategories);
  look_at(roles.future, kMostCategories);
  look_at(roles.statics, kMostStaticCategories);
  return found;
}

Channels::Channels(std::vector<std::string> columns, const io::Categories& categories)
    : columns_(std::move(columns)) {
  for (std::size_t place = 0; place < columns_.size(); ++place) {
    const auto* texts = texts_of(categories, columns_[place]);
    if (texts == nullptr) {
      names_.push_back(columns_[place]);
      sources_.push_back({place, -1});
      continue;
    }
    for (std::size_t value = 0; value < texts->values.size(); ++value) {
      names_.push_back(columns_[place] + "=" + texts->values[value]);
      sources_.push_back({place, static_cast<std::int64_t>(value)});
    }
  }
}

std::vector<double> Channels::expand(const std::vector<double>& rows) const {
  std::vector<double> expanded;
  if (columns_.empty()) return expanded;
  const std::size_t count = rows.size() / columns_.size();
  expanded.reserve(count * size());
  for (std::size_t row = 0; row < count; ++row) {
    for (const auto& [column, category] : sources_) {
      const double value = rows[row * columns_.size() + column];
      expanded.push_back(category < 0 ? value : value == static_cast<double>(category) ? 1.0 : 0.0);
    }
  }
  return expanded;
}

std::vector<std::size_t> Channels::places_in(const io::SeriesTable& table) const {
  std::vector<std::size_t> places;
  for (const auto& column : columns_) places.push_back(place_of(table, column));
  return places;
}

io::SeriesTable Channels::of(const io::SeriesTable& table) const {
  const auto places = places_in(table);
  std::vector<bool> is_text(columns_.size());
  for (const auto& [column, category] : sources_) is_text[column] = category >= 0;
  std::vector<double> last(columns_.size(), io::CategoryColumn::kUnknown), rows;
  io::SeriesTable chosen;
  rows.reserve(table.rows() * columns_.size());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      // What was filled into a column of texts lies between two codes and means nothing.
      if (!is_text[c] || table.measured(row, places[c])) last[c] = table.at(row, places[c]);
      rows.push_back(last[c]);
    }
    if (table.filled.empty()) continue;
    for (const auto& source : sources_) chosen.filled.push_back(!table.measured(row, places[source.column]));
  }
  chosen.unique_id = table.unique_id;
  chosen.stamps = table.stamps;
  chosen.variates = names_;
  chosen.values = expand(rows);
  chosen.frequency = table.frequency;
  chosen.date_format = table.date_format;
  chosen.source = table.source;
  chosen.first_line = table.first_line;
  chosen.policy = table.policy;
  return chosen;
}

std::vector<double> Channels::constants(const io::SeriesTable& table) const {
  std::vector<double> first;
  for (const auto place : places_in(table)) {
    first.push_back(table.at(0, place));
    for (std::size_t row = 1; row < table.rows(); ++row) {
      if (!table.measured(row, place) || table.at(row, place) == first.back()) continue;
      fail<DataError>(
          "{}: series {}: the static covariate {} changes at {}, expected one value per series (list it in "
          "past_covariates or future_covariates)",
          table.source, io::shown(table.unique_id), io::shown(table.variates[place]),
          table.date_format.format(table.stamps[row]));
    }
  }
  return expand(first);
}

CovariateChannels channels_of(const CovariateRoles& roles, const io::Categories& categories) {
  auto variates = roles.past;
  variates.insert(variates.end(), roles.targets.begin(), roles.targets.end());
  return {Channels(std::move(variates), categories), Channels(roles.future, categories),
          Channels(roles.statics, categories)};
}

Json categories_json(const io::Categories& categories) {
  Json json = Json::object();
  if (!categories) return json;
  for (const auto& category : *categories) json[category.name] = category.values;
  return json;
}

io::Categories read_categories(const Config& config) {
  auto categories = std::make_shared<std::vector<io::CategoryColumn>>();
  for (const auto& [name, values] : config.members()) {
    auto& category = categories->emplace_back(io::CategoryColumn{name, {}});
    values.read(category.values, {});
    const auto out_of_order =
        std::adjacent_find(category.values.begin(), category.values.end(), std::greater_equal<>());
    if (out_of_order != category.values.end())
      values.reject(fmt::format("{} is out of order, expected the categories sorted, each once",
                                io::shown(*out_of_order)));
  }
  return categories;
}

Json describe_roles(const Config& model_config) {
  if (!model_config.has("covariates")) return nullptr;
  const auto covariates = model_config.at("covariates");
  const auto roles = covariates.at("roles").as<CovariateRoles>();
  Json json = to_json(roles);
  json["categories"] = categories_json(read_categories(covariates.at("categories")));
  return json;
}

KnownAhead held_out(const io::SeriesTable& table, const std::vector<std::string>& columns, std::int64_t begin,
                    std::int64_t horizon) {
  KnownAhead known;
  std::vector<std::size_t> places;
  for (const auto& column : columns) places.push_back(place_of(table, column));
  for (std::int64_t step = 0; step < horizon; ++step) {
    const auto row = static_cast<std::size_t>(begin + step);
    known.stamps.push_back(table.stamps[row]);
    for (const auto place : places) known.values.push_back(table.at(row, place));
  }
  return known;
}

}  // namespace arzoo::forecast
