#pragma once

#include "core/config.h"
#include "io/picture.h"

namespace arzoo::tasks {

/// How a picture was made, as its file says it: ASCII, which every format's texts hold.
inline io::PictureTexts settings_texts(const Json& settings) {
  return {{"Software", "arzoo"}, {"parameters", dump_ascii_json(settings)}};
}

}  // namespace arzoo::tasks
