#pragma once

#include "image/var_model.h"
#include "image/vqvae_model.h"
#include "runtime/named_tensors.h"

/// Published weights: vae_ch160v4096z32.pth, var_d16.pth … var_d36.pth, a trainer's checkpoint, or what was
/// converted from them. Their sizes are read from the tensors' shapes.
namespace arzoo::image {

/// The options of a tokenizer with these weights. quant_resi, using_znorm, beta leave no trace in them: the
/// published values are assumed. Throws CheckpointError for weights of something else.
VqvaeOptions vqvae_options_of(const runtime::NamedTensors& weights);
/// The options of a transformer with these weights; those of its tokenizer only as far as they show (codes
/// and their width, scales). Without cosine attention heads are taken to be 64 wide; without lvl_1L, as in an
/// average of parameters, the scales are a published schedule or 1, 2, 3, …, whichever has as many tokens.
VarOptions var_options_of(const runtime::NamedTensors& weights);

/// Builds the model and gives it the weights, its linear maps or convolutions in `type`. Throws
/// CheckpointError, ConfigError.
std::shared_ptr<Vqvae> load_vqvae(const VqvaeOptions& options, const runtime::NamedTensors& weights,
                                  at::ScalarType type = at::kFloat);
std::shared_ptr<Var> load_var(const VarOptions& options, const runtime::NamedTensors& weights,
                              at::ScalarType type = at::kFloat);

}  // namespace arzoo::image
