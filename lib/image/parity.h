#pragma once

#include "runtime/parity.h"

namespace arzoo::image {

/// Replays a fixture of this family: the tokenizer, its quantiser alone, the transformer (teacher forcing and
/// sampling), two transformers in collaboration, training steps, schedules, published checkpoint files.
/// Throws ConfigError for a case that is none of these.
void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::image
