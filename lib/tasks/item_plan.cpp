#include "tasks/item_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "core/ascii.h"
#include "core/closest.h"
#include "core/error.h"
#include "core/seeded_random.h"

namespace arzoo::tasks {
namespace {

constexpr std::string_view kAll = "all", kRandom = "random", kNone = "none";

std::optional<int64_t> whole_number(std::string_view word) {
  int64_t number = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const bool is_number = error == std::errc() && end == word.data() + word.size() && number >= 0;
  return is_number ? std::optional(number) : std::nullopt;
}

/// Where classes are called by numbers ("3", "10"), a number is a name and never a place in their list.
bool has_numeric_names(const KnownClasses& known) {
  return std::any_of(known.names.begin(), known.names.end(),
                     [](const std::string& name) { return whole_number(name).has_value(); });
}

std::string names_text(const std::vector<std::string>& names) {
  constexpr std::size_t kMostShown = 24, kShownOfMany = 5;
  if (names.size() <= kMostShown) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{}, … {} in all, listed in the model's config.json",
                     fmt::join(std::span(names).first(kShownOfMany), ", "), names.size());
}

[[noreturn]] void refuse_class(const std::string& word, const KnownClasses& known) {
  if (known.count == 0) fail<UsageError>("--class: the model has no classes, got \"{}\"", word);
  const auto near = closest(word, known.names);
  std::vector<std::string> expected;
  if (!has_numeric_names(known)) expected.push_back(fmt::format("a number from 0 to {}", known.count - 1));
  if (!known.names.empty()) expected.push_back(fmt::format("a name ({})", names_text(known.names)));
  fail<UsageError>("--class: the model knows no class \"{}\"{}; expected {}, all, random or none", word,
                   near ? fmt::format(" (did you mean \"{}\"?)", *near) : "", fmt::join(expected, ", "));
}

int64_t label_of(const std::string& word, const KnownClasses& known) {
  const auto named = std::find(known.names.begin(), known.names.end(), word);
  if (named != known.names.end()) return named - known.names.begin();
  const auto number = whole_number(word);
  if (!number || *number >= known.count || has_numeric_names(known)) refuse_class(word, known);
  return *number;
}

}  // namespace

ItemPlan::ItemPlan(const ItemRequest& request, const KnownClasses& known)
    : count_(request.count), first_(request.first), seed_(request.seed), known_(known) {
  const auto add = [&](std::optional<int64_t> label) {
    labels_.push_back(label);
    if (size() <= request.most) return;
    fail<UsageError>(
        "--count: {} {} of each of {} classes or more, expected at most {} {} in one run (continue with "
        "--first)",
        request.count, request.noun, labels_.size(), request.most, request.noun);
  };
  const auto words = request.classes.empty() ? std::vector{request.otherwise} : request.classes;
  for (const auto& word : words) {
    if (word == kRandom) {
      add(std::nullopt);
    } else if (word == kNone) {
      add(known.count);
    } else if (word == kAll) {
      for (int64_t label = 0; label < known.count; ++label) add(label);
    } else {
      add(label_of(word, known));
    }
  }
}

PlannedItem ItemPlan::operator[](int64_t i) const {
  PlannedItem item;
  item.index = first_ + i;
  item.seed = item_seed(seed_, static_cast<uint64_t>(item.index));
  // Of a model without classes every item is of none.
  const auto own = known_.count == 0 ? 0 : item_seed(item.seed, 0) % static_cast<uint64_t>(known_.count);
  item.label = labels_[static_cast<std::size_t>(i / count_)].value_or(static_cast<int64_t>(own));
  const auto at = static_cast<std::size_t>(item.label);
  item.class_name = item.label == known_.count ? std::string(kNone)
                    : at < known_.names.size() ? known_.names[at]
                                               : fmt::format("{}", item.label);
  return item;
}

std::string item_stem(const PlannedItem& item) {
  auto name = item.class_name;
  for (char& c : name) {
    const bool plain = is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
    if (!plain) c = '-';
  }
  return fmt::format("{:06}_{}", item.index, name);
}

std::vector<PlannedItem> items(const ItemPlan& plan, int64_t begin, int64_t end) {
  std::vector<PlannedItem> part;
  for (int64_t i = begin; i < end; ++i) part.push_back(plan[i]);
  return part;
}

bool is_stale(const std::optional<int64_t>& first, const ItemPlan& plan, std::string_view file_name) {
  if (!first) return true;
  const auto index = whole_number(file_name.substr(0, file_name.find('_')));
  return index && *index >= *first && *index < *first + plan.size();
}

}  // namespace arzoo::tasks
