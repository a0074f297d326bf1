#pragma once

#include "runtime/model_entry.h"

namespace arzoo::image {

/// Image models and their tokenizers: the models of image/models.h.
const runtime::Family& family();

}  // namespace arzoo::image
