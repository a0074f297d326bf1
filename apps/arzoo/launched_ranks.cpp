#include "launched_ranks.h"

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "core/error.h"

namespace arzoo::cli {
namespace {

constexpr int64_t kMostRanks = 1 << 20, kMostPorts = 65535;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

int64_t whole(const char* name, const std::string& text, int64_t minimum, int64_t maximum) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < minimum || number > maximum)
    fail<UsageError>("{}={}: expected a whole number between {} and {}", name, text, minimum, maximum);
  return number;
}

std::string required(const char* name, const char* given) {
  const auto value = variable(name);
  if (!value) {
    fail<UsageError>(
        "{} is set, but {} is not (a launcher sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT)", given,
        name);
  }
  return *value;
}

/// "n[01-03,7],m2" → "n01": the machine of a Slurm step's first task.
std::string first_host(const std::string& list) {
  const auto end = list.find_first_of(",[");
  if (end == list.npos || list[end] == ',') return list.substr(0, end);
  const auto close = list.find_first_of(",-]", end);
  return list.substr(0, end) + list.substr(end + 1, close - end - 1);
}

/// A Slurm step has no meeting place of its own: the first task's machine, and a port that follows from the
/// job.
Ranks slurm_ranks(int64_t world) {
  constexpr int64_t kFirstPort = 20000, kPorts = 10000;
  Ranks ranks;
  ranks.world = world;
  ranks.rank = whole("SLURM_PROCID", required("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"), 0, world - 1);
  if (const auto local = variable("SLURM_LOCALID"))
    ranks.local_rank = whole("SLURM_LOCALID", *local, 0, kMostRanks);
  const auto hosts = variable("SLURM_STEP_NODELIST");
  const auto address = variable("MASTER_ADDR");
  if (!address && !hosts)
    fail<UsageError>(
        "SLURM_STEP_NUM_TASKS={}: neither MASTER_ADDR nor SLURM_STEP_NODELIST says where to meet", world);
  ranks.address = address ? *address : first_host(*hosts);
  if (const auto port = variable("MASTER_PORT")) {
    ranks.port = whole("MASTER_PORT", *port, 1, kMostPorts);
  } else {
    const auto job = variable("SLURM_JOB_ID");
    ranks.port = kFirstPort + (job ? whole("SLURM_JOB_ID", *job, 0, INT64_MAX) : 0) % kPorts;
  }
  return ranks;
}

}  // namespace

Ranks launched_ranks() {
  const auto rank = variable("RANK"), world = variable("WORLD_SIZE");
  if (!rank && !world) {
    const auto tasks = variable("SLURM_STEP_NUM_TASKS");
    const auto count = tasks ? whole("SLURM_STEP_NUM_TASKS", *tasks, 1, kMostRanks) : 1;
    return count > 1 ? slurm_ranks(count) : Ranks();
  }
  Ranks ranks;
  ranks.world = whole("WORLD_SIZE", required("WORLD_SIZE", "RANK"), 1, kMostRanks);
  ranks.rank = whole("RANK", required("RANK", "WORLD_SIZE"), 0, ranks.world - 1);
  if (ranks.alone()) return {};
  if (const auto local = variable("LOCAL_RANK"))
    ranks.local_rank = whole("LOCAL_RANK", *local, 0, kMostRanks);
  ranks.address = required("MASTER_ADDR", "RANK");
  ranks.port = whole("MASTER_PORT", required("MASTER_PORT", "RANK"), 1, kMostPorts);
  const auto hosted = variable("TORCHELASTIC_USE_AGENT_STORE");
  ranks.store_is_hosted = hosted && *hosted == "True";
  return ranks;
}

void prepare_to_join() {
  std::signal(SIGPIPE, SIG_IGN);
  ::setenv("TORCH_CPP_LOG_LEVEL", "FATAL", /*overwrite=*/0);
}

bool is_second_voice() {
  const auto rank = variable("RANK");
  return variable(kLaunchedVariable) && rank && *rank != "0";
}

}  // namespace arzoo::cli
