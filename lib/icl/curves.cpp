#include "icl/curves.h"

#include <torch/torch.h>

#include <numeric>

namespace arzoo::icl {

std::vector<double> numbers_of(const at::Tensor& values) {
  const auto wide = values.detach().to(at::kCPU, at::kDouble).contiguous();
  return {wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel()};
}

LineChart curve_chart(const std::string& title, const std::string& x_title,
                      const std::vector<NamedCurve>& curves, Scale scale) {
  LineChart chart{title, {x_title}, {"", scale}, {}};
  for (const auto& curve : curves) {
    std::vector<double> x(static_cast<std::size_t>(curve.values.numel()));
    std::iota(x.begin(), x.end(), 0.0);
    chart.series.push_back({curve.name, x, numbers_of(curve.values), /*markers=*/false, curve.dashed});
    if (!curve.low.defined()) continue;
    chart.series.push_back({curve.name + ", 5 %", x, numbers_of(curve.low), false, true});
    chart.series.push_back({curve.name + ", 95 %", x, numbers_of(curve.high), false, true});
  }
  return chart;
}

Table curve_table(const std::string& index, const std::vector<NamedCurve>& curves) {
  std::vector<Column> columns{index};
  std::vector<std::vector<double>> values;
  const auto add = [&](const std::string& name, const at::Tensor& curve) {
    columns.emplace_back(name, 4);
    values.push_back(numbers_of(curve));
  };
  for (const auto& curve : curves) {
    add(curve.name, curve.values);
    if (!curve.low.defined()) continue;
    add(curve.name + " 5 %", curve.low);
    add(curve.name + " 95 %", curve.high);
  }
  Table table(columns);
  for (std::size_t i = 0; i < values.front().size(); ++i) {
    std::vector<Cell> row{static_cast<int64_t>(i)};
    for (const auto& curve : values) row.emplace_back(i < curve.size() ? Cell(curve[i]) : Cell());
    table.add(std::move(row));
  }
  return table;
}

}  // namespace arzoo::icl
