#pragma once

#include <optional>

#include "runtime/model_entry.h"

namespace arzoo::speech {

/// "study" of a cell of `bench table`: the test recordings one by one, timed; with silence behind them; of
/// CASS-NAT by sampled and oracle alignments too.
std::optional<runtime::Study> recognition_study();

}  // namespace arzoo::speech
