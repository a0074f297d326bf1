#pragma once

#include "io/step_plugin.h"
#include "shape3d/solids/autobrep_fsq_model.h"
#include "shape3d/solids/brep_tokens.h"

namespace arzoo::shape3d {

/// The tokens of a canonical solid, its shapes coded by the auto-encoders.
std::vector<int64_t> tokens_of_solid(const io::BrepGraph& graph, AutobrepFsq& coders,
                                     const BrepVocabulary& vocabulary, int64_t complexity);

/// The solid that a sequence says, its shapes decoded. Throws DataError for one that cannot be parsed or has
/// no edge.
io::BrepGraph solid_of_tokens(const std::vector<int64_t>& tokens, AutobrepFsq& coders,
                              const BrepVocabulary& vocabulary);

}  // namespace arzoo::shape3d
