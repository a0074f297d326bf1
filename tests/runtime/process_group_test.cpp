#include "runtime/process_group.h"

#include "core/error.h"
#include "core/json.h"
#include "runtime/same_run.h"
#include "support/thread_ranks.h"

using namespace arzoo;
using namespace arzoo::runtime;
using test::in_ranks;

namespace {

const std::vector<std::string> kNoErrors(3);

}  // namespace

TEST_CASE("processes add, hand on and join what each of them has") {
  std::array<at::Tensor, 3> joined;
  const auto errors = in_ranks(3, [&](ProcessGroup& group) {
    const auto rank = static_cast<double>(group.rank());
    if (group.sum({rank, 1.0}) != std::vector<double>{3.0, 3.0}) throw std::runtime_error("sum");
    auto values = at::full({2, 2}, rank).t();  // not contiguous
    group.broadcast(values);
    if (values.abs().sum().item<double>() != 0.0) throw std::runtime_error("broadcast");
    if (group.broadcast(group.is_first() ? "text" : "other") != "text") throw std::runtime_error("text");
    if (group.exchange("names", std::to_string(group.rank())) != std::vector<std::string>{"0", "1", "2"})
      throw std::runtime_error("exchange");
    joined[static_cast<std::size_t>(group.rank())] = group.concatenated(at::full({group.rank(), 2}, rank));
  });
  CHECK(errors == kNoErrors);
  for (const auto& rows : joined) CHECK(at::equal(rows, at::tensor({1., 1., 2., 2., 2., 2.}).view({3, 2})));
}

TEST_CASE("a loss that divides by joint sums is, averaged over samples, the joint batch's") {
  std::array<double, 3> losses{};
  const auto errors = in_ranks(3, [&](ProcessGroup& group) {
    // A part of rank + 1 samples, of which rank count.
    const std::shared_ptr<ProcessGroup> same(&group, [](ProcessGroup*) {});
    const auto rank = static_cast<double>(group.rank());
    const auto joint = joint_sum(same, rank + 1.0);
    const double mean = 10.0 * rank / joint(at::tensor(rank)).item<double>();
    losses[static_cast<std::size_t>(group.rank())] = mean * (rank + 1.0) / 6.0;
  });
  CHECK(errors == kNoErrors);
  CHECK(losses[0] + losses[1] + losses[2] == Approx(30.0 / 3.0));
}

TEST_CASE("a process that leaves is named by the others with its reason and its exit code") {
  const auto errors = in_ranks(3, [](ProcessGroup& group) {
    if (group.rank() == 1) fail<DataError>("a.csv: broken");
    try {
      group.sum(std::vector<double>{1.0});
    } catch (const Error& error) {
      if (error.exit_code() == ExitCode::data) throw;
    }
  });
  CHECK(errors[1] == "a.csv: broken");
  CHECK(errors[0] == "rank 1 of 3 stopped: a.csv: broken");
  CHECK(errors[2] == errors[0]);
}

TEST_CASE("a run of another config is refused everywhere by rank and key") {
  const auto errors = in_ranks(3, [](ProcessGroup& group) {
    const Json config{{"seed", group.rank() == 2 ? 5 : 4}, {"output", std::to_string(group.rank())}};
    require_same_run(group, run_identity(config));
  });
  for (const auto& error : errors) {
    CHECK_THAT(error,
               ContainsSubstring("rank 2 does not do the same run as rank 0: /config/seed is 5, expected 4"));
  }
}
