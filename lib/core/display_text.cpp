#include "core/display_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>

#include "core/utf8.h"

namespace arzoo {

namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

/// Characters that take no space and change how others look or are read: marks of direction, joiners, soft
/// hyphens, tags (Unicode's category Cf), and the separators of lines and paragraphs.
bool is_format(char32_t code) {
  constexpr std::pair<char32_t, char32_t> kRanges[] = {
      {0x00AD, 0x00AD},   {0x0600, 0x0605},   {0x061C, 0x061C},   {0x06DD, 0x06DD},   {0x070F, 0x070F},
      {0x0890, 0x0891},   {0x08E2, 0x08E2},   {0x180E, 0x180E},   {0x200B, 0x200F},   {0x2028, 0x202E},
      {0x2060, 0x206F},   {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFB},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
      {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0001, 0xE0001}, {0xE0020, 0xE007F}};
  return code >= 0xAD && std::any_of(std::begin(kRanges), std::end(kRanges), [code](const auto& range) {
           return code >= range.first && code <= range.second;
         });
}

std::string escaped(char32_t code) {
  const auto number = static_cast<std::uint32_t>(code);
  return number > 0xFFFF ? fmt::format("\\U{:08x}", number) : fmt::format("\\u{:04x}", number);
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
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    const char32_t code = code_point(text, i, length);
    if (length == 0) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    } else if (is_control(code)) {
      line += ' ';
    } else if (is_format(code)) {
      line += escaped(code);
    } else {
      line += text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return line;
}

std::string escape_markup(std::string_view text) {
  std::string markup;
  markup.reserve(text.size() + text.size() / 8);
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    const char32_t code = code_point(text, i, length);
    const bool forbidden = code < 0x20 && code != '\n' && code != '\t' && code != '\r';
    if (length == 0 || forbidden) {
      markup += "\uFFFD";
    } else if (code == '&') {
      markup += "&amp;";
    } else if (code == '<') {
      markup += "&lt;";
    } else if (code == '>') {
      markup += "&gt;";
    } else if (code == '"') {
      markup += "&quot;";
    } else if (code == '\'') {
      markup += "&#39;";
    } else if (is_format(code)) {
      markup += escaped(code);
    } else {
      markup += text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return markup;
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
