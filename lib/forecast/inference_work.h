#pragma once

#include "runtime/speed_work.h"

namespace arzoo::forecast {

/// "inference": a forecast of one batch of training windows. Null for other works.
std::unique_ptr<runtime::SpeedWork> make_inference_work(const runtime::SpeedRequest& request,
                                                        const runtime::Compute& compute);

}  // namespace arzoo::forecast
