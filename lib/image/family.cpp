#include "image/family.h"

#include "image/models.h"
#include "image/picture_cells.h"

namespace arzoo::image {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "image",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"var", "mar", "flowar", "llamagen", "specdec", "sjd", "lantern"},
      .cells = {{.keys = {"pictures", "samples", "random"}, .read = &read_picture_cell}}};
  return family;
}

}  // namespace arzoo::image
