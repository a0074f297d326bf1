#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "core/atomic_file.h"

namespace arzoo {

/// An AtomicFile of text, compressed (gzip) if its name ends in .gz: the same text gives the same bytes. The
/// name "-" is standard output, to which text goes as it comes.
class TextOutput {
 public:
  /// Throws SystemFailure as AtomicFile does.
  explicit TextOutput(const std::filesystem::path& path);
  ~TextOutput();

  void append(std::string_view text);
  /// The object is spent afterwards.
  void commit();

 private:
  class Deflater;
  std::optional<AtomicFile> file_;      ///< none: standard output
  std::unique_ptr<Deflater> deflater_;  ///< null for plain text
};

}  // namespace arzoo
