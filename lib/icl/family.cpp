#include "icl/family.h"

#include "icl/fixture.h"
#include "icl/models.h"
#include "icl/universality.h"

namespace arzoo::icl {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "icl",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"icl", "universal_approximation"},
      .mechanisms = {{"icl_tasks", replay_function_classes, /*on_cpu=*/true},
                     {"icl_baselines", replay_baselines, /*on_cpu=*/true},
                     {"icl_baselines_akyurek", replay_akyurek_algorithms, /*on_cpu=*/true},
                     {"single_layer_universal", replay_universal_layer, /*on_cpu=*/true}},
      .cells = {{.keys = {"function"}, .read = &read_universality}}};
  return family;
}

}  // namespace arzoo::icl
