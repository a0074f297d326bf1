#include "shape3d/family.h"

#include "shape3d/fixture.h"
#include "shape3d/models.h"
#include "shape3d/shape_cells.h"

namespace arzoo::shape3d {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "shape3d",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"mar3d"},
      .mechanisms = {{"marching_cubes", replay_marching_cubes, /*on_cpu=*/true},
                     {"metrics", replay_metrics, /*on_cpu=*/true},
                     {"ops", replay_operations, /*on_cpu=*/true}},
      .cells = {{.keys = {"shapes"}, .read = &read_shape_cell}}};
  return family;
}

}  // namespace arzoo::shape3d
