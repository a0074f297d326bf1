#include "runtime/unit_order.h"

#include "support/thread_ranks.h"

using namespace arzoo;
using runtime::UnitOrder;

TEST_CASE("processes that use the same units in the same order go on") {
  const auto errors = test::in_ranks(3, [](runtime::ProcessGroup& group) {
    const UnitOrder order(group, {"", "layers.0"});
    for (const int64_t unit : {0, 1}) order.agree(UnitOrder::Use::gathers, unit);
    order.agree(UnitOrder::Use::reduces, 1);
    order.agree(UnitOrder::Use::ends, 0);
  });
  CHECK(errors == std::vector<std::string>(3));
}

TEST_CASE("a process that needs another unit than the others is named with both units, in all of them") {
  const auto errors = test::in_ranks(3, [](runtime::ProcessGroup& group) {
    const UnitOrder order(group, {"", "layers.0", "layers.1"});
    order.agree(UnitOrder::Use::gathers, 0);
    order.agree(UnitOrder::Use::gathers, group.rank() == 2 ? 2 : 1);
  });
  for (const auto& error : errors)
    CHECK_THAT(error, ContainsSubstring("rank 2 gathers layers.1 while rank 0 gathers layers.0"));
}

TEST_CASE("a process that has ended its pass, or adds gradients up, while others gather is named") {
  const auto [use, text] = GENERATE(table<UnitOrder::Use, std::string>(
      {{UnitOrder::Use::ends, "rank 1 has ended its pass while rank 0 gathers what is in no list of blocks"},
       {UnitOrder::Use::reduces,
        "rank 1 adds up the gradients of what is in no list of blocks while rank 0 gathers"}}));
  const auto errors = test::in_ranks(2, [use = use](runtime::ProcessGroup& group) {
    UnitOrder(group, {""}).agree(group.is_first() ? UnitOrder::Use::gathers : use, 0);
  });
  for (const auto& error : errors) CHECK_THAT(error, ContainsSubstring(text));
}
