#include "list_values.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "core/error.h"

namespace arzoo::cli {
namespace {

constexpr std::size_t kMostNumbers = 64;

/// The next part of `rest` up to a comma, which is taken away with it.
std::string_view next_part(std::string_view& rest) {
  const auto end = std::min(rest.find(','), rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

template <class Number>
std::optional<Number> number(std::string_view text, Number minimum, Number maximum) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value >= minimum && value <= maximum ? std::optional(value) : std::nullopt;
}

template <class Number>
std::vector<Number> list(const std::string& text, Number minimum, Number maximum, std::string_view kind) {
  std::vector<Number> values;
  std::string_view rest = text;
  do {
    const auto part = next_part(rest);
    const auto times = part.find('x');
    const auto value = number<Number>(part.substr(0, times), minimum, maximum);
    const auto count = times == std::string_view::npos
                           ? std::optional<std::size_t>(1)
                           : number<std::size_t>(part.substr(times + 1), 1, kMostNumbers);
    if (!value || !count || values.size() + *count > kMostNumbers) {
      fail<UsageError>("expected {} from {} to {} (VxN for N times V; at most {} of them), got \"{}\"", kind,
                       minimum, maximum, kMostNumbers, text);
    }
    values.insert(values.end(), *count, *value);
  } while (!rest.empty());
  return values;
}

}  // namespace

std::vector<double> number_list(const std::string& text, double minimum, double maximum) {
  return list(text, minimum, maximum, "numbers");
}

std::vector<int64_t> integer_list(const std::string& text, int64_t minimum, int64_t maximum) {
  return list(text, minimum, maximum, "integers");
}

std::vector<std::string> name_list(const std::string& text) {
  std::vector<std::string> names(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\');
    if (text[i] == ',') {
      names.emplace_back();
    } else {
      names.back() += text[escaped ? ++i : i];
    }
  }
  for (const auto& name : names) {
    if (name.empty()) {
      fail<UsageError>("expected a name between two commas, got \"{}\" (\\, is a comma in a name)", text);
    }
  }
  return names;
}

runtime::PixelBox pixel_box(const std::string& text) {
  constexpr int64_t kMost = 1 << 20;
  std::string_view rest = text;
  std::vector<std::optional<int64_t>> parts;
  while (!rest.empty()) parts.push_back(number<int64_t>(next_part(rest), 0, kMost));
  const bool fits =
      parts.size() == 4 && parts[0] && parts[1] && parts[2].value_or(0) > 0 && parts[3].value_or(0) > 0;
  if (!fits) {
    fail<UsageError>("expected X,Y,W,H, the upper left corner and the size of a box in pixels, got \"{}\"",
                     text);
  }
  return {*parts[0], *parts[1], *parts[2], *parts[3]};
}

}  // namespace arzoo::cli
