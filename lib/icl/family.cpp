#include "icl/family.h"

#include "icl/fixture.h"
#include "icl/models.h"

namespace arzoo::icl {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "icl",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"icl"},
      .mechanisms = {{"icl_tasks", replay_function_classes, /*on_cpu=*/true},
                     {"icl_baselines", replay_baselines, /*on_cpu=*/true},
                     {"icl_baselines_akyurek", replay_akyurek_algorithms, /*on_cpu=*/true}}};
  return family;
}

}  // namespace arzoo::icl
