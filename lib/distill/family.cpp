#include "distill/family.h"

#include "distill/fixture.h"
#include "distill/models.h"

namespace arzoo::distill {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "distill",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"distill"},
      .mechanisms = {{"flow-matching token mapping", replay_mapping},
                     {"DDTransformer (LlamaGen)", replay_dd1_llamagen},
                     {"LlamaGen Transformer teacher + flow mapping", replay_llamagen_trajectories},
                     {"DD2 losses", replay_dd2_losses},
                     {"DD2 training loop", replay_dd2_training}},
      .weights = {.whole = true, .fp32 = true}};
  return family;
}

}  // namespace arzoo::distill
