#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace arzoo {

/// The largest text that is read, so that offsets into it fit 32 bits.
inline constexpr std::uint64_t kMaxTextBytes = 0xFFFFFFFF;

/// The whole file, decompressed if it starts with the gzip magic bytes, whatever its name. Pipes are read to
/// their end. Memory is bounded by the file: a gzip file may expand to 256 times its size or 16 MiB, the
/// larger. Throws DataError naming the file: not there, a folder, broken or cut gzip, larger than
/// `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes = kMaxTextBytes);

/// Throws DataError "name:line: ..." unless `text` is UTF-8 without NUL bytes.
void require_utf8(std::string_view text, std::string_view name);

}  // namespace arzoo
