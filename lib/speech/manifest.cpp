#include "speech/manifest.h"

#include <algorithm>

#include "core/error.h"
#include "core/fetched_data.h"
#include "core/text_file.h"

namespace arzoo::speech {

std::vector<ManifestLine> read_manifest(const std::filesystem::path& path) {
  const auto name = path.string();
  if (!std::filesystem::exists(path)) fail<DataError>("{}: no such file{}", name, fetch_hint(path));
  const auto text = read_text_file(path);
  require_utf8(text, name);
  std::vector<ManifestLine> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const auto tab = line.find('\t');
    const std::filesystem::path own(line.substr(0, tab));
    lines.push_back({own.is_absolute() ? own : path.parent_path() / own,
                     tab == std::string_view::npos ? std::string() : std::string(line.substr(tab + 1)),
                     tab != std::string_view::npos});
  }
  if (lines.empty()) fail<DataError>("{}: no recordings", name);
  return lines;
}

}  // namespace arzoo::speech
