#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace arzoo::io {

/// The bytes of a base64 text (RFC 4648, Sec. 4); nothing for what is none. Padding may be missing.
std::optional<std::string> base64_bytes(std::string_view text);

}  // namespace arzoo::io
