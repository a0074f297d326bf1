#pragma once

#include "distill/final_layer.h"
#include "image/llamagen_model.h"

/// LlamaGen as Distilled Decoding uses it: the student of Distilled Decoding 1, under its official names. B
/// samples, L tokens, D width, C width of a code vector, V codes.
namespace arzoo::distill {

/// Students and score networks are trained without dropout.
image::LlamaGenOptions without_dropout(image::LlamaGenOptions options);
/// Of a case that speaks of the transformer and of its code vectors' width in one breath.
image::LlamaGenOptions llamagen_options_among(const Config& official);

/// The student of Distilled Decoding 1 (official class DDTransformer): token i stands at its own place, as a
/// code vector or as noise.
class Dd1LlamaGen : public image::LlamaGenBlocks {
 public:
  explicit Dd1LlamaGen(const image::LlamaGenOptions& options);

  struct Prediction {
    at::Tensor logits;      ///< [B, L, V]
    at::Tensor continuous;  ///< [B, L, C]
  };
  /// tokens: [B, L, C], of which the first t are data.
  Prediction forward(const at::Tensor& labels, const at::Tensor& tokens, int64_t t,
                     nn::DecoderTrace* trace = nullptr) const;

 private:
  std::shared_ptr<nn::LinearLayer> tok_embeddings_, output_;
  std::shared_ptr<FinalLayer> final_;
  at::Tensor n_d_embed_;  ///< [2, D]: noise, data
};

}  // namespace arzoo::distill
