#include "value_checks.h"

#include <fmt/ranges.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "core/closest.h"
#include "core/error.h"
#include "io/frequency.h"
#include "io/resample.h"

namespace arzoo::cli {
namespace {

template <class Number>
std::optional<Number> parsed(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

CLI::Validator check(std::function<std::string(std::string&)> message) {
  return {std::move(message), /*description=*/""};
}

}  // namespace

CLI::Validator whole_number(int64_t minimum, int64_t maximum) {
  return check([minimum, maximum](const std::string& text) -> std::string {
    const auto value = parsed<int64_t>(text);
    if (value && *value >= minimum && *value <= maximum) return "";
    const bool open = maximum == std::numeric_limits<int64_t>::max();
    return fmt::format(
        "expected an integer {}, got \"{}\"",
        open ? fmt::format("of at least {}", minimum) : fmt::format("from {} to {}", minimum, maximum), text);
  });
}

CLI::Validator real_number(double minimum, double maximum) {
  return check([minimum, maximum](const std::string& text) -> std::string {
    const auto value = parsed<double>(text);
    if (value && *value >= minimum && *value <= maximum) return "";
    return fmt::format("expected a number from {} to {}, got \"{}\"", minimum, maximum, text);
  });
}

CLI::Validator percentage() {
  return check([](const std::string& text) -> std::string {
    const auto value = parsed<double>(text);
    return value && *value > 0 && *value < 100
               ? ""
               : fmt::format("expected a number between 0 and 100, got \"{}\"", text);
  });
}

CLI::Validator choice(std::vector<std::string> names) {
  return check([names = std::move(names)](const std::string& text) -> std::string {
    if (std::find(names.begin(), names.end(), text) != names.end()) return "";
    const auto near = closest(text, names);
    return fmt::format("expected one of {}, got \"{}\"{}", fmt::join(names, ", "), text,
                       near ? fmt::format(" (did you mean \"{}\"?)", *near) : "");
  });
}

CLI::Validator frequency_name() {
  return check([](const std::string& text) -> std::string {
    try {
      io::parse_frequency(text);
      return "";
    } catch (const ConfigError& error) {
      return error.what();
    }
  });
}

CLI::Validator resampling() {
  return check([](const std::string& text) -> std::string {
    try {
      io::parse_resampling(text);
      return "";
    } catch (const ConfigError& error) {
      return error.what();
    }
  });
}

CLI::Validator device_name() {
  return check([](const std::string& text) -> std::string {
    constexpr std::string_view kIndexed = "cuda:";
    constexpr int kMostDevices = 256;
    if (text == "auto" || text == "cpu" || text == "cuda") return "";
    if (text.starts_with(kIndexed)) {
      const auto index = parsed<int>(std::string_view(text).substr(kIndexed.size()));
      if (index && *index >= 0 && *index < kMostDevices) return "";
    }
    // No letter of "gpu" tells that it is called cuda here.
    const auto near =
        text == "gpu" ? std::optional<std::string>("cuda") : closest(text, {"auto", "cpu", "cuda"});
    return fmt::format("expected auto, cpu, cuda or cuda:i, got \"{}\"{}", text,
                       near ? fmt::format(" (did you mean \"{}\"?)", *near) : "");
  });
}

}  // namespace arzoo::cli
