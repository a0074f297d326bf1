#pragma once

#include "image/draft_replay.h"
#include "image/eagle_head.h"
#include "image/fixture.h"

namespace arzoo::image {

/// The target and the drafter of a recorded case.
struct LanternCase {
  explicit LanternCase(const runtime::ParityCase& fixture);

  LlamaGen model;
  EagleHead head;
};

/// Five steps of the drafter's training.
void replay_eagle_training(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::image
