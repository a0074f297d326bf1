#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace arzoo::tasks {

/// The classes that a generator knows; without names they have numbers only.
struct KnownClasses {
  int64_t count = 0;
  const std::vector<std::string>& names;
};

/// One picture or shape of a run.
struct PlannedItem {
  int64_t index = 0;       ///< its number
  int64_t label = 0;       ///< KnownClasses::count: no class
  uint64_t seed = 0;       ///< of its own stream
  std::string class_name;  ///< "sneaker", "207" or "none"
};

/// What the command line asks for.
struct ItemRequest {
  /// Numbers, names, "all", "none", or "random": the class of each item follows from its seed.
  std::vector<std::string> classes;
  std::string otherwise;  ///< the word that stands for no classes
  int64_t count = 1;      ///< items of each class
  int64_t first = 0;      ///< number of the first item
  uint64_t seed = 0;
  int64_t most = 1;       ///< items of one run
  std::string_view noun;  ///< "pictures"
};

/// The items of a run. They are computed when they are asked for, so a plan takes no memory per item.
class ItemPlan {
 public:
  /// Throws UsageError for a class that the model does not know, with the nearest name, and for more than
  /// `request.most` items, naming --count.
  ItemPlan(const ItemRequest& request, const KnownClasses& known);

  int64_t size() const { return static_cast<int64_t>(labels_.size()) * count_; }
  PlannedItem operator[](int64_t i) const;

 private:
  std::vector<std::optional<int64_t>> labels_;  ///< in the order of --class; nothing: random
  int64_t count_, first_;
  uint64_t seed_;
  KnownClasses known_;
};

/// "000012_sneaker", for a file name.
std::string item_stem(const PlannedItem& item);
/// The items from `begin` up to `end`.
std::vector<PlannedItem> items(const ItemPlan& plan, int64_t begin, int64_t end);

/// Whether a file that an earlier run wrote has no place beside this one's. Without --first a folder holds
/// one run, so all earlier files are stale; with it the run adds to the folder, and only files of its own
/// numbers are.
bool is_stale(const std::optional<int64_t>& first, const ItemPlan& plan, std::string_view file_name);

}  // namespace arzoo::tasks
