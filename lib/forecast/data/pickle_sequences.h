#pragma once

#include "forecast/data/sequences.h"

namespace arzoo::forecast {

/// A .pkl file (pickle protocols 2 to 5) of at most kMaxPickle bytes with a list, each of whose items is a
/// series: a list of numbers, a one-dimensional NumPy array, or a dict with one under "sequence". Read as
/// data: nothing of it is called. Throws CheckpointError, or DataError for what is no such list.
std::unique_ptr<Sequences> read_pickled_sequences(const std::filesystem::path& path);

}  // namespace arzoo::forecast
