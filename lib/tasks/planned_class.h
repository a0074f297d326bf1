#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace arzoo::tasks {

/// The classes that a generator knows; without names they have numbers only.
struct KnownClasses {
  int64_t count = 0;
  const std::vector<std::string>& names;
};

/// What one item of a run is drawn as.
struct PlannedClass {
  int64_t label = 0;  ///< KnownClasses::count: no class
  std::string name;   ///< "sneaker", "207" or "none"
};

/// The classes that the words of --class mean, in order: numbers, names, "all", "none"; nothing for "random",
/// whose items draw their own. Throws UsageError for a class that is unknown, with the nearest name.
std::vector<std::optional<int64_t>> asked_classes(const std::vector<std::string>& words,
                                                  const KnownClasses& known);
/// The class of an item: the one that was asked for, or one that follows from the item's seed.
PlannedClass class_of_item(const std::optional<int64_t>& asked, uint64_t seed, const KnownClasses& known);

/// "000012_sneaker", for a file name.
std::string item_stem(int64_t index, std::string class_name);

}  // namespace arzoo::tasks
