#include "forecast/xreg.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "io/cell_number.h"
#include "io/csv.h"

namespace arzoo::forecast {
namespace {

constexpr double kConstantColumn = 1e-6;
constexpr int64_t kMostNumbers = int64_t{1} << 26;  // of a design matrix: 512 MB

/// A column over all series.
struct Column {
  std::vector<double> history, horizon;
};
/// The same of categories.
struct CategoryCells {
  std::vector<std::string> history, horizon;
};

const ZeroShotCovariate& covariate_called(const ZeroShotSeries& series, const std::string& name) {
  for (const auto& covariate : series.covariates) {
    if (covariate.name != name) continue;
    if (!covariate.known_ahead)
      fail<DataError>("series {}: the covariate {} is not known ahead, a regression needs it there",
                      io::shown(series.unique_id), io::shown(name));
    return covariate;
  }
  fail<DataError>("series {}: the covariate {} is missing, which other series have",
                  io::shown(series.unique_id), io::shown(name));
}

void append_numbers(const ZeroShotSeries& series, const std::string& name, const at::Tensor& values,
                    std::vector<double>& to) {
  const auto wide = values.to(at::kCPU, at::kDouble).contiguous();
  const double* from = wide.const_data_ptr<double>();
  for (int64_t t = 0; t < wide.numel(); ++t) {
    if (!std::isfinite(from[t]))
      fail<DataError>("series {}: the covariate {} has a missing value, a regression needs all of them",
                      io::shown(series.unique_id), io::shown(name));
  }
  to.insert(to.end(), from, from + wide.numel());
}

void append_categories(const ZeroShotCovariate& covariate, const std::vector<int32_t>& codes,
                       std::vector<std::string>& to) {
  const std::string unknown(1, '\0');  // equal to no category; an empty cell is one of its own
  for (const auto code : codes) {
    to.push_back(code >= 0                             ? covariate.categories[static_cast<std::size_t>(code)]
                 : code == ZeroShotCovariate::kMissing ? std::string()
                                                       : unknown);
  }
}

at::Tensor column_tensor(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble).view({-1, 1});
}

/// Numbers by their value, texts by their letters: the order of sorted values in the official code.
struct CategoryOrder {
  bool operator()(const std::string& a, const std::string& b) const {
    const auto x = io::read_number(a), y = io::read_number(b);
    if (x.kind == io::CellKind::number && y.kind == io::CellKind::number && x.value != y.value)
      return x.value < y.value;
    if ((x.kind == io::CellKind::number) != (y.kind == io::CellKind::number))
      return x.kind == io::CellKind::number;
    return a < b;
  }
};

/// The matrix, column by column.
class DesignColumns {
 public:
  explicit DesignColumns(const DesignMatrix& sizes) {
    int64_t history = 0, horizon = 0;
    for (const auto rows : sizes.history_rows) history += rows;
    for (const auto rows : sizes.horizon_rows) horizon += rows;
    add(at::ones({history, 1}, at::kDouble), at::ones({horizon, 1}, at::kDouble));
  }
  void add(const at::Tensor& history, const at::Tensor& horizon) {
    if (static_cast<int64_t>(history_.size() + 1) * (history.size(0) + horizon.size(0)) > kMostNumbers)
      fail<DataError>(
          "a regression of {} rows on {} columns and more, {} numbers at most (fewer series, or covariates "
          "with fewer "
          "categories)",
          history.size(0), history_.size(), kMostNumbers);
    history_.push_back(history);
    horizon_.push_back(horizon);
  }
  void add_standardised(const Column& column) {
    const auto history = column_tensor(column.history), horizon = column_tensor(column.horizon);
    const auto mean = history.mean();
    const double deviation = (history - mean).square().mean().sqrt().item<double>();
    const double scale = deviation <= kConstantColumn ? 1.0 : deviation;
    add((history - mean) / scale, (horizon - mean) / scale);
  }
  void add_one_hot(const CategoryCells& cells, bool drop_first) {
    const std::set<std::string, CategoryOrder> categories(cells.history.begin(), cells.history.end());
    bool first = true;
    for (const auto& category : categories) {
      const bool dropped = first && drop_first;
      first = false;
      if (dropped) continue;
      const auto is_it = [&](const std::vector<std::string>& column) {
        std::vector<double> hits;
        for (const auto& cell : column) hits.push_back(cell == category ? 1.0 : 0.0);
        return column_tensor(hits);
      };
      add(is_it(cells.history), is_it(cells.horizon));
    }
  }
  void into(DesignMatrix& design) const {
    design.history = at::cat(history_, 1);
    design.horizon = at::cat(horizon_, 1);
  }

 private:
  std::vector<at::Tensor> history_, horizon_;
};

/// The names of the first series' covariates of a kind, sorted.
std::set<std::string> names_of(std::span<const ZeroShotSeries> series, bool categorical) {
  std::set<std::string> names;
  for (const auto& covariate : series.front().covariates) {
    if (covariate.is_categorical() == categorical) names.insert(covariate.name);
  }
  return names;
}

/// A static value in every row of its series.
template <class Value>
std::vector<Value> repeated_values(const std::vector<Value>& of_series, const std::vector<int64_t>& rows) {
  std::vector<Value> all;
  for (std::size_t i = 0; i < rows.size(); ++i)
    all.insert(all.end(), static_cast<std::size_t>(rows[i]), of_series[i]);
  return all;
}

/// Eigenvalues below this share of the largest count as 0, as in the official code, whose matrices are fp32
/// and padded to a power of two.
double relative_cut(int64_t columns) {
  int64_t padded = 1;
  while (padded < columns) padded *= 2;
  return 10.0 * static_cast<double>(padded) * static_cast<double>(std::numeric_limits<float>::epsilon());
}

int64_t steps_ahead(const ZeroShotSeries& series) {
  const auto& first = series.covariates.front();
  return first.is_categorical() ? static_cast<int64_t>(first.future_codes.size()) : first.future.numel();
}

}  // namespace

ZeroShotSeries without_start(const ZeroShotSeries& series, int64_t steps) {
  auto end = series;
  const int64_t left = series.targets.size(1) - steps;
  end.targets = series.targets.narrow(1, steps, left);
  for (auto& covariate : end.covariates) {
    if (covariate.is_categorical())
      covariate.past_codes.erase(covariate.past_codes.begin(), covariate.past_codes.begin() + steps);
    else
      covariate.past = covariate.past.narrow(0, steps, left);
  }
  return end;
}

DesignMatrix design_matrix(std::span<const ZeroShotSeries> series, std::span<const StaticCovariate> statics,
                           double ridge) {
  DesignMatrix design;
  for (const auto& one : series) {
    if (one.covariates.empty())
      fail<DataError>("series {}: no covariate, a regression needs at least one", io::shown(one.unique_id));
    design.history_rows.push_back(one.targets.size(1));
    design.horizon_rows.push_back(
        covariate_called(one, one.covariates.front().name).known_ahead ? steps_ahead(one) : 0);
    ZeroShotRequest request;
    request.horizon = design.horizon_rows.back();
    check_series(std::span(&one, 1), request);
  }
  DesignColumns columns(design);
  for (const auto& name : names_of(series, /*categorical=*/false)) {
    Column column;
    for (const auto& one : series) {
      const auto& covariate = covariate_called(one, name);
      append_numbers(one, name, covariate.past, column.history);
      append_numbers(one, name, covariate.future, column.horizon);
    }
    columns.add_standardised(column);
  }
  for (const auto& one : statics) {
    if (!one.categories.empty()) continue;
    columns.add_standardised({repeated_values(one.numbers, design.history_rows),
                              repeated_values(one.numbers, design.horizon_rows)});
  }
  const bool drop_first = ridge == 0.0;
  for (const auto& name : names_of(series, /*categorical=*/true)) {
    CategoryCells cells;
    for (const auto& one : series) {
      const auto& covariate = covariate_called(one, name);
      append_categories(covariate, covariate.past_codes, cells.history);
      append_categories(covariate, covariate.future_codes, cells.horizon);
    }
    columns.add_one_hot(cells, drop_first);
  }
  for (const auto& one : statics) {
    if (one.categories.empty()) continue;
    columns.add_one_hot({repeated_values(one.categories, design.history_rows),
                         repeated_values(one.categories, design.horizon_rows)},
                        drop_first);
  }
  columns.into(design);
  return design;
}

XRegFit fit_xreg(const DesignMatrix& design, std::span<const at::Tensor> targets, double ridge) {
  std::vector<at::Tensor> all;
  for (const auto& target : targets) all.push_back(target.to(at::kDouble));
  const auto& x = design.history;
  const auto normal = at::matmul(x.t(), x) + ridge * at::eye(x.size(1), at::kDouble);
  const auto inverse =
      at::linalg_pinv(normal, std::optional<double>(), relative_cut(x.size(1)), /*hermitian=*/true);
  const auto beta = at::matmul(inverse, at::matmul(x.t(), at::cat(all)));
  XRegFit fit;
  fit.history = at::matmul(x, beta).split_with_sizes(design.history_rows);
  fit.horizon = at::matmul(design.horizon, beta).split_with_sizes(design.horizon_rows);
  return fit;
}

TargetScale TargetScale::of(std::span<const at::Tensor> targets, bool wanted) {
  TargetScale scale;
  for (const auto& target : targets) {
    const auto wide = target.to(at::kDouble);
    const auto mean = wide.mean();
    const double deviation = wanted ? (wide - mean).square().mean().sqrt().item<double>() : 1.0;
    scale.mean.push_back(wanted ? mean.item<double>() : 0.0);
    scale.deviation.push_back(deviation <= kConstantColumn ? 1.0 : deviation);
  }
  return scale;
}

}  // namespace arzoo::forecast
