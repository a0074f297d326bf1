#include "forecast/zero_shot_tables.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/closest.h"
#include "io/csv.h"

namespace arzoo::forecast {
namespace {

std::size_t column_called(const io::SeriesTable& table, const std::string& name) {
  const auto found = std::find(table.variates.begin(), table.variates.end(), name);
  if (found != table.variates.end()) return static_cast<std::size_t>(found - table.variates.begin());
  const auto near = closest(name, table.variates);
  fail<DataError>("{}: no column is called {}{}", table.source, io::shown(name),
                  near ? fmt::format(" (did you mean {}?)", io::shown(*near)) : "");
}

/// The last rows of a column, [rows] double.
at::Tensor column_values(const io::SeriesTable& table, std::size_t column, int64_t most, bool gaps) {
  const auto all = static_cast<int64_t>(table.rows()), rows = std::min(all, most);
  auto values = at::empty({rows}, at::kDouble);
  auto* to = values.mutable_data_ptr<double>();
  for (int64_t t = 0; t < rows; ++t) {
    const auto row = static_cast<std::size_t>(all - rows + t);
    to[t] = gaps && !table.measured(row, column) ? NAN : table.at(row, column);
  }
  return values;
}

const io::CategoryColumn* texts_in(const io::SeriesTable& table, const std::string& name) {
  if (!table.categories) return nullptr;
  for (const auto& column : *table.categories) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

/// A column's code as ZeroShotCovariate has it.
int32_t category_code(double code, std::size_t categories) {
  if (code < 0.0) return ZeroShotCovariate::kUnknown;
  return code >= static_cast<double>(categories) ? ZeroShotCovariate::kMissing : static_cast<int32_t>(code);
}

ZeroShotCovariate covariate_of(const io::SeriesTable& table, const std::string& name, const KnownAhead* ahead,
                               std::size_t place, std::size_t width) {
  const auto column = column_called(table, name);
  const auto* texts = texts_in(table, name);
  ZeroShotCovariate covariate;
  covariate.name = name;
  covariate.known_ahead = ahead != nullptr;
  const auto past = column_values(table, column, static_cast<int64_t>(table.rows()), texts == nullptr);
  std::vector<double> future;
  for (std::size_t step = 0; ahead != nullptr && step < ahead->stamps.size(); ++step)
    future.push_back(ahead->values[step * width + place]);
  if (texts == nullptr) {
    covariate.past = past.to(at::kFloat);
    if (ahead != nullptr) covariate.future = at::tensor(future, at::kFloat);
    return covariate;
  }
  covariate.categories = texts->values;
  const auto categories = texts->values.size();
  const double* from = past.const_data_ptr<double>();
  for (int64_t t = 0; t < past.numel(); ++t) {
    const bool measured = table.measured(static_cast<std::size_t>(t), column);
    covariate.past_codes.push_back(measured ? category_code(from[t], categories)
                                            : ZeroShotCovariate::kMissing);
  }
  for (const double code : future) covariate.future_codes.push_back(category_code(code, categories));
  return covariate;
}

}  // namespace

ZeroShotCovariate covariate_of_table(const io::SeriesTable& table, const std::string& name) {
  return covariate_of(table, name, nullptr, 0, 0);
}

std::vector<ZeroShotSeries> zero_shot_series(const io::SeriesTable& table, const KnownAhead* ahead,
                                             const ZeroShotReading& reading) {
  const auto& roles = reading.roles;
  const auto season = reading.season.value_or(io::usual_season(table.frequency));
  std::vector<ZeroShotSeries> series;
  if (roles.empty()) {
    for (std::size_t c = 0; c < table.variates.size(); ++c) {
      const auto name =
          table.variates.size() == 1 ? table.unique_id : table.unique_id + "/" + table.variates[c];
      series.push_back(
          {name, column_values(table, c, reading.most_rows, reading.gaps).unsqueeze(0), {}, season});
    }
    return series;
  }
  if (!roles.statics.empty())
    fail<UsageError>(
        "--static-covariates: the model takes none, {} cannot help (leave it out, or use --xreg)",
        io::shown(roles.statics.front()));
  // Encodings of categories look at the whole history.
  const auto rows = roles.has_covariates() ? static_cast<int64_t>(table.rows()) : reading.most_rows;
  std::vector<at::Tensor> targets;
  for (const auto& name : roles.targets)
    targets.push_back(column_values(table, column_called(table, name), rows, reading.gaps));
  ZeroShotSeries one{table.unique_id, at::stack(targets), {}, season};
  for (const auto& name : roles.past) one.covariates.push_back(covariate_of(table, name, nullptr, 0, 0));
  for (std::size_t i = 0; i < roles.future.size(); ++i)
    one.covariates.push_back(covariate_of(table, roles.future[i], ahead, i, roles.future.size()));
  series.push_back(std::move(one));
  return series;
}

}  // namespace arzoo::forecast
