#include "image/family.h"

#include "image/describe_pictures.h"
#include "image/models.h"
#include "image/picture_cells.h"
#include "image/score_pictures.h"

namespace arzoo::image {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "image",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"var", "mar", "hi_mar", "mmar", "flowar", "llamagen", "specdec", "sjd", "lantern",
                          "nfig", "axial", "move"},
      .cells = {{.keys = {"pictures", "samples", "random"}, .read = &read_picture_cell}},
      .commands = {runtime::family_command<plan::ScoreTask, &run_score_pictures>(),
                   runtime::family_command<plan::GenerateTextTask, &run_describe_pictures>()}};
  return family;
}

}  // namespace arzoo::image
