#include "tasks/planned_class.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "core/closest.h"
#include "core/error.h"
#include "nn/seeded_noise.h"

namespace arzoo::tasks {
namespace {

constexpr std::string_view kAll = "all", kRandom = "random", kNone = "none";

int64_t label_of(const std::string& word, const KnownClasses& known) {
  const auto named = std::find(known.names.begin(), known.names.end(), word);
  if (named != known.names.end()) return named - known.names.begin();
  int64_t number = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const bool is_number = error == std::errc() && end == word.data() + word.size();
  if (is_number && number >= 0 && number < known.count) return number;
  const auto near = closest(word, known.names);
  fail<UsageError>(
      "--class: the model knows no class \"{}\"{}; expected a number from 0 to {}{}, all, random or none",
      word, near ? fmt::format(" (did you mean \"{}\"?)", *near) : "", known.count - 1,
      known.names.empty() ? "" : fmt::format(", a name ({})", fmt::join(known.names, ", ")));
}

}  // namespace

std::vector<std::optional<int64_t>> asked_classes(const std::vector<std::string>& words,
                                                  const KnownClasses& known) {
  std::vector<std::optional<int64_t>> labels;
  for (const auto& word : words) {
    if (word == kRandom) {
      labels.emplace_back();
    } else if (word == kNone) {
      labels.emplace_back(known.count);
    } else if (word == kAll) {
      for (int64_t label = 0; label < known.count; ++label) labels.emplace_back(label);
    } else {
      labels.emplace_back(label_of(word, known));
    }
  }
  return labels;
}

PlannedClass class_of_item(const std::optional<int64_t>& asked, uint64_t seed, const KnownClasses& known) {
  const auto own = nn::item_seeds(seed, 0, 1).front() % static_cast<uint64_t>(known.count);
  const int64_t label = asked.value_or(static_cast<int64_t>(own));
  if (label == known.count) return {label, std::string(kNone)};
  const auto at = static_cast<std::size_t>(label);
  return {label, at < known.names.size() ? known.names[at] : fmt::format("{}", label)};
}

std::string item_stem(int64_t index, std::string class_name) {
  for (char& c : class_name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!plain) c = '-';
  }
  return fmt::format("{:06}_{}", index, class_name);
}

}  // namespace arzoo::tasks
