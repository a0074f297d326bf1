#pragma once

#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "runtime/process_group.h"
#include "support/free_port.h"
#include "support/test.h"

namespace arzoo::test {

/// Runs `work` as each of the ranks, a thread each; returns what they threw, by rank.
inline std::vector<std::string> in_ranks(int64_t world,
                                         const std::function<void(runtime::ProcessGroup&)>& work) {
  // c10d records collectives for debugging in a table of the process, without a lock for several ranks in it.
  ::setenv("TORCH_FR_BUFFER_SIZE", "0", /*overwrite=*/1);
  const int64_t port = free_port();
  std::vector<std::string> errors(static_cast<std::size_t>(world));
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < world; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const auto group = runtime::ProcessGroup::join(
            {.rank = rank, .world = world, .port = port, .timeout = 60}, at::kCPU, "go on");
        try {
          work(*group);
          group->finish();
        } catch (const Error& error) {
          group->leave(error);
          throw;
        }
      } catch (const std::exception& error) {
        errors[static_cast<std::size_t>(rank)] = error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return errors;
}

}  // namespace arzoo::test
