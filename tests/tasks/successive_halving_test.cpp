#include "tasks/successive_halving.h"

#include <cmath>
#include <map>

#include "support/test.h"

using namespace arzoo;
using tasks::SuccessiveHalving;
using Job = SuccessiveHalving::Job;

namespace {

/// Trains trials with these scores, whatever the rung; returns how many had each rung.
std::map<int, int> jobs_of(SuccessiveHalving& halving, const std::vector<double>& scores) {
  std::map<int, int> jobs;
  const auto finish = [&](const Job& job) {
    halving.finish(job, scores[job.trial]);
    ++jobs[job.rung];
  };
  for (std::size_t trial = 0; trial < scores.size(); ++trial) {
    finish(halving.start());
    while (const auto job = halving.promotion()) finish(*job);
  }
  while (const auto job = halving.completion()) finish(*job);
  return jobs;
}

}  // namespace

TEST_CASE("each rung has a third of the trials of the one below, trained three times as long") {
  SuccessiveHalving halving(3, 3);
  CHECK(halving.share(0) == Approx(1.0 / 9));
  CHECK(halving.share(1) == Approx(1.0 / 3));
  CHECK(halving.share(2) == 1.0);
  // The best come first, so that none rises too early.
  const auto jobs = jobs_of(halving, {0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(jobs == std::map<int, int>{{0, 9}, {1, 3}, {2, 1}});
  CHECK(halving.best() == 0U);
}

TEST_CASE("the best of all is trained to its end, however few they are") {
  SuccessiveHalving halving(3, 3);
  const auto jobs = jobs_of(halving, {2, 1});
  CHECK(jobs == std::map<int, int>{{0, 2}, {1, 1}, {2, 1}});
  CHECK(halving.best() == 1U);
  CHECK_FALSE(halving.completion());
}

TEST_CASE("with one rung every trial is trained to the end") {
  SuccessiveHalving halving(1, 3);
  CHECK(halving.share(0) == 1.0);
  CHECK(jobs_of(halving, {3, 1, 2}) == std::map<int, int>{{0, 3}});
}

TEST_CASE("a trial that failed neither rises nor is the best") {
  SuccessiveHalving halving(2, 2);
  halving.finish(halving.start(), std::nan(""));
  CHECK_FALSE(halving.best());
  CHECK_FALSE(halving.completion());
  halving.finish(halving.start(), 5.0);
  CHECK(halving.promotion() == Job{1, 1});
  halving.finish({1, 1}, std::nan(""));
  CHECK_FALSE(halving.promotion());
  CHECK_FALSE(halving.best());
}

TEST_CASE("the highest rung that has a trial to promote goes first") {
  SuccessiveHalving halving(3, 2);
  halving.finish(halving.start(), 4.0);
  halving.finish(halving.start(), 3.0);
  CHECK(halving.promotion() == Job{1, 1});
  halving.finish({1, 1}, 2.5);
  halving.finish(halving.start(), 2.0);
  halving.finish(halving.start(), 1.0);
  CHECK(halving.promotion() == Job{3, 1});
  halving.finish({3, 1}, 0.5);
  CHECK(halving.promotion() == Job{3, 2});
  halving.finish({3, 2}, 0.25);
  CHECK(halving.promotion() == Job{2, 1});
}
