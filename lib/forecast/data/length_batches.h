#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace arzoo::forecast {

/// Puts series of unequal length into batches in which little is padded: by length, and never beside one that
/// is more than a quarter longer. lengths: of the series; ahead: steps that each will grow by. Returns each
/// batch's numbers of series, at most `most_rows` of them and `most_tokens` steps (one series may have more).
std::vector<std::vector<std::size_t>> length_batches(const std::vector<int64_t>& lengths, int64_t ahead,
                                                     std::size_t most_rows, int64_t most_tokens);

}  // namespace arzoo::forecast
