#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "core/chart.h"
#include "core/markdown_table.h"

namespace arzoo::icl {

/// Numbers over 0, 1, 2, … (points seen, steps), with a confidence band where there is one.
struct NamedCurve {
  std::string name;
  at::Tensor values;  ///< [P]
  bool dashed = false;
  at::Tensor low = {}, high = {};  ///< [P]
};

/// The curves over their index; a band is drawn as two dashed lines.
LineChart curve_chart(const std::string& title, const std::string& x_title,
                      const std::vector<NamedCurve>& curves, Scale scale = Scale::linear);
/// A row for each index, a column for each curve and each side of its band.
Table curve_table(const std::string& index, const std::vector<NamedCurve>& curves);

std::vector<double> numbers_of(const at::Tensor& values);

}  // namespace arzoo::icl
