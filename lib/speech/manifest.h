#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace arzoo::speech {

/// A recording and what is said in it.
struct ManifestLine {
  std::filesystem::path path;  ///< relative paths are the manifest's
  std::string text;
  bool has_text = false;
};

/// Lines "path<TAB>text"; a line without a tab has no text, an empty one and one that begins with # says
/// nothing. Throws DataError "file:line: …".
std::vector<ManifestLine> read_manifest(const std::filesystem::path& path);

}  // namespace arzoo::speech
