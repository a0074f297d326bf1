#pragma once

#include "language/text_study.h"

namespace arzoo::language {

/// What the routers' choice of layers is worth on the test text: {"share of layers kept", "bits_per_byte, all
/// layers", "bits_per_byte, random layers", "bits_per_byte, first layers"}, where each row runs as many
/// layers as its routers chose: at random, or the first ones.
runtime::Metrics study_first(const StudiedText& studied);

}  // namespace arzoo::language
