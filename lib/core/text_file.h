#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/file_budget.h"

namespace arzoo {

/// The largest text that is read, so that offsets into it fit 32 bits.
inline constexpr std::uint64_t kMaxTextBytes = 0xFFFFFFFF;

/// A file's text, and what its parser may still take of memory.
struct InputText {
  std::string text;
  FileBudget budget;
};

/// The whole file, decompressed if it starts with the gzip magic bytes, whatever its name. Regular files and
/// unnamed pipes are read to their end. A gzip file may expand as far as its budget goes: 56 MiB and 7 times
/// its size. Throws DataError naming the file: not there, no regular file, broken or cut gzip, larger than
/// `max_bytes`.
InputText read_input_text(const std::filesystem::path& path, std::uint64_t max_bytes = kMaxTextBytes);
/// The same of a file's bytes in memory; `name` stands for the file in messages.
InputText unpacked_text(std::string bytes, const std::string& name, std::uint64_t max_bytes = kMaxTextBytes);
/// The same for readers whose memory is the text.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes = kMaxTextBytes);

/// Throws DataError "name:line: ..." unless `text` is UTF-8 without NUL bytes.
void require_utf8(std::string_view text, std::string_view name);

}  // namespace arzoo
