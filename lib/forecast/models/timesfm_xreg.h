#pragma once

#include "forecast/models/timesfm_model.h"
#include "forecast/xreg.h"

namespace arzoo::forecast {

/// Point and channels of each series, [horizon, K] float: the official forecast_with_covariates(). series:
/// one target each, whole; horizons are those of the covariates. flags.return_backcast must be on.
/// model_first: the regression explains what TimesFM's backcast leaves; throws UsageError for series longer
/// than max_context, no longer than a patch, and of unequal horizons, which the official code fails on.
std::vector<at::Tensor> forecast_with_xreg(const TimesFm& model, std::span<const ZeroShotSeries> series,
                                           std::span<const StaticCovariate> statics,
                                           const TimesFmFlags& flags, XRegMode mode,
                                           const XRegOptions& options);

}  // namespace arzoo::forecast
