#pragma once

#include "image/llamagen_model.h"
#include "image/llamagen_vq_model.h"
#include "runtime/named_tensors.h"

/// Published weights: c2i_B_256.pt … t2i_XL_stage2_512.pt, vq_ds16_c2i.pt, vq_ds8_c2i.pt, a trainer's
/// checkpoints, or what was converted from them. Sizes are read from the tensors' shapes.
namespace arzoo::image {

/// The options of a tokenizer with these weights. codebook_l2_norm leaves no trace in them: it is taken to be
/// set, as published. Throws CheckpointError for weights of something else.
LlamaGenVqOptions llamagen_vq_options_of(const runtime::NamedTensors& weights);
/// The options of a transformer with these weights; those of its tokenizer only as far as they show (codes).
///
/// Heads leave no trace: they are 64 wide, but 32 in the published widths 3200 and 4096. Nor does the number
/// of tokens: it is that of freqs_cis where the file holds it, else that of the pixels that end the file's
/// name (c2i_B_384), else of 256, at 16 pixels a token.
LlamaGenOptions llamagen_options_of(const runtime::NamedTensors& weights);

/// Builds the model and gives it the weights, to compute in `type`. Throws CheckpointError, ConfigError.
std::shared_ptr<LlamaGenVq> load_llamagen_vq(const LlamaGenVqOptions& options,
                                             const runtime::NamedTensors& weights,
                                             at::ScalarType type = at::kFloat);
std::shared_ptr<LlamaGen> load_llamagen(const LlamaGenOptions& options, const runtime::NamedTensors& weights,
                                        at::ScalarType type = at::kFloat);

}  // namespace arzoo::image
