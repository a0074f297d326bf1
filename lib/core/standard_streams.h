#pragma once

#include <string_view>

#include "core/text_file.h"

namespace arzoo {

/// Writes all of `text` to a descriptor. Returns 0, or the error that stopped it.
int write_all(int descriptor, std::string_view text);

/// Writes to standard output. Throws SystemFailure "stdout: why".
void write_standard_output(std::string_view text);

/// Standard input to its end, as read_input_text reads a file; messages name it "stdin".
InputText read_standard_input(std::uint64_t max_bytes = kMaxTextBytes);

}  // namespace arzoo
