#include "forecast/reconstructor.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "forecast/data/series_sources.h"
#include "forecast/forecast_model.h"

namespace arzoo::forecast {
namespace {

constexpr std::size_t kWindowsAtOnce = 64;

/// The windows of a series that hold gaps, by how many steps of them are visible.
struct GapWindows {
  int64_t length = 0;
  std::map<int64_t, std::vector<std::pair<int64_t, at::Tensor>>> by_visible;  ///< first row, steps in order
};

/// Missing cells of each row.
std::vector<int64_t> missing_in_rows(const io::SeriesTable& table) {
  std::vector<int64_t> missing(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t variate = 0; variate < table.variates.size(); ++variate)
      missing[row] += table.measured(row, variate) ? 0 : 1;
  }
  return missing;
}

/// Windows that overlap by half. Complete rows are visible; where they are fewer than the model has ever
/// seen, those that lack least are as well, with their first guess.
GapWindows gap_windows(const io::SeriesTable& table, const Reconstructor& model) {
  const auto rows = static_cast<int64_t>(table.rows());
  const auto missing = missing_in_rows(table);
  GapWindows windows{std::min(rows, model.longest_window()), {}};
  const int64_t length = windows.length, stride = std::max<int64_t>(1, length / 2);
  for (int64_t start = 0;; start = std::min(start + stride, rows - length)) {
    const auto begin = missing.begin() + start;
    const auto complete = std::count(begin, begin + length, 0);
    if (complete < length) {
      std::vector<int64_t> order(static_cast<std::size_t>(length));
      std::iota(order.begin(), order.end(), int64_t{0});
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return begin[a] < begin[b]; });
      const auto visible = std::clamp<int64_t>(complete, model.least_visible(length), length);
      windows.by_visible[visible].emplace_back(start, at::tensor(order, at::kLong));
    }
    if (start + length >= rows) return windows;
  }
}

/// Sums what windows say of each step; a window knows most of its middle.
class Blend {
 public:
  Blend(int64_t rows, int64_t width, int64_t length)
      : sum_(at::zeros({rows, width}, at::kDouble)), weights_(at::zeros({rows, 1}, at::kDouble)) {
    const auto step = at::arange(length, at::kDouble);
    weight_ = at::minimum(step + 1.0, static_cast<double>(length) - step).unsqueeze(1);
  }
  /// hidden: [L] bool, the steps that the window does not see.
  void add(int64_t start, const at::Tensor& window, const at::Tensor& hidden) {
    const auto weight = weight_ * hidden.unsqueeze(1);
    sum_.narrow(0, start, window.size(0)).add_(window.to(at::kDouble) * weight);
    weights_.narrow(0, start, window.size(0)).add_(weight);
  }
  /// [rows, width]; NaN where no window hid the step.
  at::Tensor mean() const { return sum_ / weights_; }

 private:
  at::Tensor sum_, weights_, weight_;
};

Reconstructor& reconstructor(Forecaster& model, const std::string& name) {
  auto* found = dynamic_cast<Reconstructor*>(&model);
  if (found == nullptr || found->longest_window() == 0)
    fail<UsageError>(
        "--impute: the model {} does not reconstruct, expected timae with head \"reconstruction\"", name);
  return *found;
}

}  // namespace

int64_t ForecastModel::reconstruction_window() const {
  return reconstructor(*model_, name_).longest_window();
}

at::Tensor ForecastModel::reconstruct(const io::SeriesTable& table) const {
  reconstructor(*model_, name_);
  if (!variates_apart()) return reconstruct_whole(table);
  std::vector<at::Tensor> variates;
  for (std::size_t c = 0; c < table.variates.size(); ++c)
    variates.push_back(reconstruct_whole(variate_alone(table, c)));
  return at::cat(variates, 1);
}

at::Tensor ForecastModel::reconstruct_whole(const io::SeriesTable& table) const {
  const c10::InferenceMode inference;
  const kernels::QuantizedScope scope(quantized_.get());
  auto& model = reconstructor(*model_, name_);
  const auto rows = static_cast<int64_t>(table.rows()), width = static_cast<int64_t>(table.variates.size());
  const auto columns = columns_of(table);
  const auto scaler = scaler_for(table);
  auto scaled = at::empty({rows, width}, at::kFloat);
  auto* cell = scaled.mutable_data_ptr<float>();
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t c = 0; c < width; ++c, ++cell)
      *cell = scaler.transform(table.values[t * width + columns[c]], c);
  }
  const auto windows = gap_windows(table, model);
  Blend blend(rows, width, windows.length);
  for (const auto& [visible, places] : windows.by_visible) {
    for (std::size_t first = 0; first < places.size(); first += kWindowsAtOnce) {
      const auto group = std::span(places).subspan(first, std::min(kWindowsAtOnce, places.size() - first));
      std::vector<at::Tensor> x, orders;
      for (const auto& [start, order] : group) {
        x.push_back(scaled.narrow(0, start, windows.length));
        orders.push_back(order);
      }
      const auto tokens = nn::keep_first_of(at::stack(orders), visible);
      const auto out = model.reconstructed(at::stack(x).to(compute_.device), tokens).to(at::kCPU);
      const auto hidden = tokens.masked().to(at::kCPU);
      for (std::size_t i = 0; i < group.size(); ++i)
        blend.add(group[i].first, out[static_cast<int64_t>(i)], hidden[static_cast<int64_t>(i)]);
    }
  }
  const auto mean = blend.mean();
  auto result = at::full({rows, width}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  const auto from = mean.accessor<double, 2>();
  auto to = result.accessor<double, 2>();
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t c = 0; c < width; ++c) {
      const auto column = columns[c];
      if (table.measured(static_cast<std::size_t>(t), static_cast<std::size_t>(column))) continue;
      // A step that had to be visible in every window keeps its first guess.
      to[t][column] =
          std::isnan(from[t][c]) ? table.values[t * width + column] : scaler.inverse(from[t][c], c);
    }
  }
  return result;
}

}  // namespace arzoo::forecast
