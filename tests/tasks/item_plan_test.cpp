#include "tasks/item_plan.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using tasks::ItemPlan;
using tasks::KnownClasses;

namespace {

std::vector<int64_t> labels_of_plan(const std::vector<std::string>& words,
                                    const std::vector<std::string>& names, int64_t count = 4) {
  const ItemPlan plan({.classes = words, .otherwise = "none", .most = 10'000, .noun = "pictures"},
                      {count, names});
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < plan.size(); ++i) labels.push_back(plan[i].label);
  return labels;
}

}  // namespace

TEST_CASE("classes that are called by numbers are named, not indexed") {
  // As folders 0, 1, 3 and 10 are sorted.
  const std::vector<std::string> numbers{"0", "1", "10", "3"};
  CHECK(labels_of_plan({"3", "10", "0", "none"}, numbers) == std::vector<int64_t>{3, 2, 0, 4});
  CHECK_THROWS_WITH(labels_of_plan({"2"}, numbers),
                    ContainsSubstring("--class: the model knows no class \"2\"") &&
                        ContainsSubstring("expected a name (0, 1, 10, 3), all, random or none"));
  // Other names leave numbers to the classes' places.
  CHECK(labels_of_plan({"2", "boot"}, {"bag", "boot", "coat", "T-shirt, long"}) ==
        std::vector<int64_t>{2, 1});
  CHECK(labels_of_plan({"T-shirt, long"}, {"bag", "boot", "coat", "T-shirt, long"}) ==
        std::vector<int64_t>{3});
}

TEST_CASE("many class names are counted, not listed") {
  std::vector<std::string> names;
  for (int i = 0; i < 1200; ++i) names.push_back("kind" + std::to_string(i));
  CHECK_THROWS_WITH(
      labels_of_plan({"zebra"}, names, 1200),
      ContainsSubstring("expected a number from 0 to 1199, a name (kind0, kind1, kind2, kind3, kind4, … "
                        "1200 in all, listed in the model's config.json), all, random or none"));
}

TEST_CASE("an item is what it is whatever else the run makes") {
  const std::vector<std::string> names{"a", "b", "c"};
  const KnownClasses known{3, names};
  const ItemPlan many(
      {.classes = {"random"}, .otherwise = "none", .count = 50, .seed = 5, .most = 50, .noun = "shapes"},
      known);
  const ItemPlan one(
      {.classes = {"random"}, .otherwise = "none", .first = 37, .seed = 5, .most = 50, .noun = "shapes"},
      known);
  CHECK(many[37].seed == one[0].seed);
  CHECK(many[37].label == one[0].label);
  CHECK(one[0].index == 37);
  CHECK(tasks::item_stem(many[37]) == "000037_" + many[37].class_name);
}

TEST_CASE("stale are all earlier files, or with --first those of the run's own numbers") {
  const std::vector<std::string> names;
  const ItemPlan plan(
      {.classes = {"none"}, .otherwise = "none", .count = 3, .first = 8, .most = 9, .noun = "shapes"},
      {1, names});
  CHECK(tasks::is_stale(std::nullopt, plan, "000001_mug.glb"));
  CHECK(tasks::is_stale(8, plan, "000008_mug.glb"));
  CHECK(tasks::is_stale(8, plan, "000010_mug_scale02.png"));
  CHECK_FALSE(tasks::is_stale(8, plan, "000011_mug.glb"));
  CHECK_FALSE(tasks::is_stale(8, plan, "000007_mug.glb"));
  CHECK_FALSE(tasks::is_stale(8, plan, "sheet.png"));
}
