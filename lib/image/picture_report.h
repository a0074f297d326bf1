#pragma once

#include <ATen/core/Tensor.h>

#include "core/report.h"

namespace arzoo::image {

/// Pictures [N, 3, H, W] in [0, 1] in rows of `columns` for a run's report, small ones enlarged.
ReportPng report_grid(const at::Tensor& images, int64_t channels, int64_t columns,
                      const std::string& caption);

/// Pictures, and below each what an autoencoder made of it. Both [N, 3, H, W] in [-1, 1].
ReportSection reconstruction_section(const at::Tensor& images, const at::Tensor& again, int64_t channels);

}  // namespace arzoo::image
