#pragma once

#include "forecast/data/sequences.h"

namespace arzoo::forecast {

/// Whether the folder holds series in binary form: meta.json and at least one .bin file.
bool holds_binary_sequences(const std::filesystem::path& folder);

/// Time-300B's binary form. meta.json has "dtype" (float32 or float64), "files" (name to number of elements;
/// their order is that of the number after the first "-" of a name) and "scales" (of each series its first
/// element in the files taken together, its length and, where it is stored normalised, "mean" and "std",
/// which are undone). The files are little-endian numbers without a header and stay mapped; a series may
/// cross from one into the next. Throws DataError.
std::unique_ptr<Sequences> open_binary_sequences(const std::filesystem::path& folder);

}  // namespace arzoo::forecast
