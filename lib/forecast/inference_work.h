#pragma once

#include "runtime/speed_work.h"

namespace arzoo::forecast {

/// A forecast of one batch of training windows. Throws DataError for data that do not fit.
std::unique_ptr<runtime::SpeedWork> make_inference_work(const runtime::SpeedRequest& request,
                                                        const runtime::Compute& compute);

}  // namespace arzoo::forecast
