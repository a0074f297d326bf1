#pragma once

#include "runtime/parity.h"

/// The replays of AutoBrep's cases.
namespace arzoo::shape3d {

void replay_autobrep_fsq(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_autobrep_ar(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_autobrep_tokens(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_autobrep_rebuild(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::shape3d
