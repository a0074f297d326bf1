#pragma once

#include <cstdint>
#include <string>

namespace arzoo {

/// The place of this process among those that work together, and where they meet, as a launcher tells it
/// (`arzoo launch`, torchrun, srun).
struct Ranks {
  int64_t rank = 0;
  int64_t world = 1;       ///< processes in all
  int64_t local_rank = 0;  ///< among those of this machine: which of its GPUs to take
  std::string address = "127.0.0.1";
  int64_t port = 29500;
  bool store_is_hosted = false;  ///< by the launcher (torchrun); else rank 0 hosts it
  double timeout = 300.0;        ///< seconds that the processes wait for one another at the start

  bool alone() const { return world == 1; }
};

}  // namespace arzoo
