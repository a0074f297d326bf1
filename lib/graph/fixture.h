#pragma once

#include "runtime/parity.h"

/// The replays of this family.
namespace arzoo::graph {

/// One window: patches, tokens after each encoder, links, loss and gradients; or, with "train", some steps.
void replay_todyformer(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_link_metrics(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::graph
