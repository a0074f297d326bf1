#pragma once

#include "core/ranks.h"

/// Working together with other processes, as the launcher that started this one says in the environment.
namespace arzoo::cli {

/// One process, unless the environment says otherwise: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and
/// MASTER_PORT
/// (`arzoo launch`, torchrun, Kubernetes' PyTorchJob), or those of a Slurm step of several tasks (srun).
/// Throws UsageError for half of them, or values that cannot be.
Ranks launched_ranks();

/// Before libarzoo is opened to join others: a connection that breaks is an error, not the end of the
/// process, and LibTorch keeps its own warnings about connections to itself.
void prepare_to_join();

/// Whether `arzoo launch` started this process, and it is not the first one: what is wrong with the command
/// line or the config, and an interrupt, is said by the first one.
bool is_second_voice();

/// Set by `arzoo launch` for the processes that it starts.
inline constexpr const char* kLaunchedVariable = "ARZOO_LAUNCHED";

}  // namespace arzoo::cli
