#pragma once

#include <memory>

#include "runtime/speed_work.h"

namespace arzoo::forecast {

/// One window of `forecast --stream`, from JSON text to JSON text; null for a model with covariates, which
/// has no stream. Throws DataError for data that do not fit.
std::unique_ptr<runtime::SpeedWork> make_stream_work(const runtime::SpeedRequest& request,
                                                     const runtime::Compute& compute);

}  // namespace arzoo::forecast
