#include "speech/family.h"

#include "speech/commands/transcribe_command.h"
#include "speech/fixture.h"
#include "speech/models.h"

namespace arzoo::speech {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "speech",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"paraformer", "cassnat", "blocks"},
      .mechanisms = {{"wav_frontend", replay_front_end, /*on_cpu=*/true},
                     {"SpecAugLFR", replay_spec_augment},
                     {"ts_prediction_lfr6_standard", replay_time_stamps, /*on_cpu=*/true},
                     {"mwer", replay_expected_errors},
                     {"paraformer_cif", replay_fire},
                     {"cassnat_alignment", replay_alignment}},
      .commands = {runtime::family_command<plan::TranscribeTask, &run_transcribe>()},
      .weights = {.fp32 = true}};
  return family;
}

}  // namespace arzoo::speech
