#pragma once

#include "runtime/speed_work.h"

namespace arzoo::language {

/// What `bench speed` times of a decoder with random weights. "inference": the prefill, data.context tokens
/// of a prompt to the logits of the next one; "generate": evaluation.tokens greedy tokens behind such a
/// prompt, which has been read before. Null for other works.
std::unique_ptr<runtime::SpeedWork> make_text_work(const runtime::SpeedRequest& request,
                                                   const runtime::Compute& compute);

}  // namespace arzoo::language
