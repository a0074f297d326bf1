#pragma once

#include <ATen/core/Tensor.h>

#include "core/report.h"

namespace arzoo::image {

/// Pictures [N, 3, H, W] in [0, 1] in rows of `columns` for a run's report, small ones enlarged.
ReportPng report_grid(const at::Tensor& images, int64_t channels, int64_t columns,
                      const std::string& caption);

}  // namespace arzoo::image
