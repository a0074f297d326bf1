#include "image/family.h"

#include "image/models.h"

namespace arzoo::image {

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "image", .models = runtime::entries_of<Models>(), .fixture_folders = {"var", "mar", "flowar"}};
  return family;
}

}  // namespace arzoo::image
