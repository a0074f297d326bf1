#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace arzoo::io {

/// How byte-level vocabularies write bytes: those that print stand for themselves, the others for U+0100,
/// U+0101, … in order (GPT-2's bytes_to_unicode).
std::string byte_level_name(unsigned char byte);
/// The bytes that such a name writes; nothing where a character stands for no byte.
std::optional<std::string> byte_level_bytes(std::string_view name);

}  // namespace arzoo::io
