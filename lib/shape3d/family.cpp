#include "shape3d/family.h"

#include "shape3d/argus3d_files.h"
#include "shape3d/fixture.h"
#include "shape3d/models.h"
#include "shape3d/shape_cells.h"
#include "shape3d/solids/solid_cells.h"
#include "shape3d/token_commands.h"

namespace arzoo::shape3d {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "shape3d",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"mar3d", "argus3d", "vat", "g3pt", "autobrep"},
      .mechanisms = {{"marching_cubes", replay_marching_cubes, /*on_cpu=*/true},
                     {"metrics", replay_metrics, /*on_cpu=*/true},
                     {"ops", replay_operations, /*on_cpu=*/true}},
      .cells = {{.keys = {"shapes"}, .read = &read_shape_cell},
                {.keys = {"solids_model"}, .read = &read_solid_cell}},
      .commands = {runtime::family_command<plan::EncodeTask, &run_encode>(),
                   runtime::family_command<plan::DecodeTask, &run_decode>()}};
  return family;
}

std::optional<std::string_view> released_model(const std::filesystem::path& path) {
  if (is_argus3d_file(path)) return Argus3dOptions::kName;
  return std::nullopt;
}

}  // namespace arzoo::shape3d
