#include "core/display_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace arzoo {

namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Length of the valid UTF-8 sequence that starts at `at`; 0 when there is none (overlong, surrogate,
/// truncated).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (left < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text[at + i])) return 0;
  }
  const unsigned char second = byte(1);
  const bool malformed = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                         (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  return malformed ? 0 : length;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char byte : text) width += continues(byte) ? 0 : 1;
  return width;
}

std::string shortened(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::size_t end = 0;
  for (std::size_t columns = 0; end < text.size(); ++end) {
    if (!continues(text[end]) && ++columns == width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    line += byte < 0x20 || byte == 0x7F || c1 ? ' ' : text[i];
  }
  return line;
}

std::string escape_markup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size() + text.size() / 8);
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text, i);
    const char byte = text[i];
    const bool forbidden =
        static_cast<unsigned char>(byte) < 0x20 && byte != '\n' && byte != '\t' && byte != '\r';
    if (length == 0 || forbidden) {
      escaped += "\uFFFD";
    } else if (byte == '&') {
      escaped += "&amp;";
    } else if (byte == '<') {
      escaped += "&lt;";
    } else if (byte == '>') {
      escaped += "&gt;";
    } else if (byte == '"') {
      escaped += "&quot;";
    } else if (byte == '\'') {
      escaped += "&#39;";
    } else {
      escaped += text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return escaped;
}

std::string first_few(const std::vector<std::string>& items, std::string (*shown)(std::string_view)) {
  constexpr std::size_t kMost = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), kMost); ++i)
    text += (i == 0 ? "" : ", ") + shown(items[i]);
  return items.size() > kMost ? fmt::format("{} and {} more", text, items.size() - kMost) : text;
}

std::string short_number(double value) {
  const double size = std::abs(value);
  if (size < 1e9 && value == std::trunc(value)) return fmt::format("{}", static_cast<std::int64_t>(value));
  // Four digits before the point: a point and a zero behind them would pretend to a fifth.
  constexpr double kFourDigits = 999.95, kFiveDigits = 9999.5;
  if (size >= kFourDigits && size < kFiveDigits) return fmt::format("{:.0f}", value);
  // A fixed number of digits keeps a running loss from jumping about; lr = 1e-05 reads better without its
  // zeros.
  return size >= 1e-3 && size < kFourDigits ? fmt::format("{:#.4g}", value) : fmt::format("{:.4g}", value);
}

std::string short_duration(double seconds) {
  constexpr double kLongest = 1e9 * 86400.0;
  if (!(seconds >= 0.0 && seconds < kLongest)) return "?";
  if (seconds < 9.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  const std::int64_t minutes = whole / 60;
  constexpr std::int64_t kDay = 1440;
  if (minutes < kDay) return fmt::format("{}h{:02}m", minutes / 60, minutes % 60);
  return fmt::format("{}d{:02}h", minutes / kDay, minutes / 60 % 24);
}

}  // namespace arzoo
