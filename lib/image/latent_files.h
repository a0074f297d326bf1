#pragma once

#include "image/flowar_model.h"
#include "image/himar_model.h"
#include "image/kl_vae_model.h"
#include "image/mar_model.h"
#include "runtime/named_tensors.h"

/// Published weights of models with continuous tokens: kl16.ckpt, checkpoint-last.pth of MAR and Hi-MAR,
/// FlowAR-S.pth … FlowAR-H.pth, or what was converted from them. Their sizes are read from the tensors'
/// shapes.
namespace arzoo::image {

/// The options of models with these weights; those of a generator's tokenizer only as far as they show. Heads
/// leave no trace in MAR's: the published models' are assumed, 64 wide in others. A FlowAR's that lack the
/// mask have the published scales, those that lack the frequencies heads 64 wide. Throws CheckpointError for
/// weights of something else.
KlVaeOptions kl_vae_options_of(const runtime::NamedTensors& weights);
MarOptions mar_options_of(const runtime::NamedTensors& weights);
/// The rows of cond_tokens and diffusion_pos_embed_learned tell how many pivots and dense tokens there are.
HiMarOptions himar_options_of(const runtime::NamedTensors& weights);
FlowArOptions flowar_options_of(const runtime::NamedTensors& weights);

/// Builds the model and gives it the weights, its linear maps or convolutions in `type`. Throws
/// CheckpointError, ConfigError.
std::shared_ptr<KlVae> load_kl_vae(const KlVaeOptions& options, const runtime::NamedTensors& weights,
                                   at::ScalarType type = at::kFloat);
std::shared_ptr<Mar> load_mar(const MarOptions& options, const runtime::NamedTensors& weights,
                              at::ScalarType type = at::kFloat);
std::shared_ptr<HiMar> load_himar(const HiMarOptions& options, const runtime::NamedTensors& weights,
                                  at::ScalarType type = at::kFloat);
std::shared_ptr<FlowAr> load_flowar(const FlowArOptions& options, const runtime::NamedTensors& weights,
                                    at::ScalarType type = at::kFloat);

}  // namespace arzoo::image
