#pragma once

#include "forecast/data/sequences.h"

namespace arzoo::forecast {

/// A .npy file (NumPy's format 1 to 3) of floats or integers, little-endian: each row of a matrix is a
/// series, a vector is one. The file stays mapped. Throws DataError for anything else; an array of Python
/// objects is a pickle, and none is run.
std::unique_ptr<Sequences> open_npy_sequences(const std::filesystem::path& path);

}  // namespace arzoo::forecast
