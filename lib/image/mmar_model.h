#pragma once

#include "image/mmar.h"
#include "nn/diffusion_head.h"
#include "nn/named_decoder.h"
#include "nn/vit_block.h"

namespace arzoo::image {

/// Captions as ids, right-padded.
struct Captions {
  at::Tensor words;    ///< [B, W] long
  at::Tensor lengths;  ///< [B] long, 0 for no caption

  /// The same captions with those dropped whose flag, [B] bool, is set.
  Captions without(const at::Tensor& dropped) const;
};

/// A sequence of words and image slots. B batch, T places, N image tokens.
struct MmarSequence {
  static constexpr int64_t kSlot = -1;

  at::Tensor ids;    ///< [B, T] long, kSlot for an image slot, padding at the end
  at::Tensor slots;  ///< [B, N] long, the places of the image tokens
  at::Tensor bias;   ///< [B, 1, T, T]: what a place may see, 0 or a large negative number
};

/// EmbeddingViT: image tokens, masked or not, as the decoder's visual projector reads them.
class EmbeddingVit : public torch::nn::Module {
 public:
  explicit EmbeddingVit(const MmarOptions& options);
  /// tokens: [B, N, C]; masked: [B, N] bool. Returns [B, N, V].
  at::Tensor forward(const at::Tensor& tokens, const at::Tensor& masked) const;
  void initialise();

 private:
  at::Tensor mask_token_, pos_embed_;  ///< [1, 1, V], [1, N, V]
  std::shared_ptr<nn::LinearLayer> z_proj_;
  std::shared_ptr<nn::VitNorm> norm_in_;
  nn::VitStack stack_;
};

/// MMAR without the tokenizer: a decoder over words and image tokens, which see each other in both
/// directions, and a diffusion head for the image tokens.
class Mmar : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit Mmar(const MmarOptions& options);

  const MmarOptions& options() const { return options_; }

  /// `bos words boi [slots] eoi`: a picture of a caption.
  MmarSequence text_to_image(const Captions& captions) const;
  /// `bos boi [slots] eoi words eos`: a caption of a picture. with_end: whether eos is there.
  MmarSequence image_to_text(const Captions& captions, bool with_end = true) const;

  /// Image tokens [B, N, C], of which those of `masked`, [B, N] bool, are not shown, as the decoder reads
  /// them.
  at::Tensor vision(const at::Tensor& tokens, const at::Tensor& masked) const {
    return embedding_vit_->forward(tokens, masked);
  }
  at::Tensor visual(const at::Tensor& vision) const;
  /// The decoder's states, normalised, [B, T, D]. visual: [B, N, D]. trace: may be null.
  at::Tensor states(const MmarSequence& sequence, const at::Tensor& visual,
                    nn::DecoderTrace* trace = nullptr) const;
  /// The head's conditions: the states of the slots, [B, N, D].
  at::Tensor conditions(const MmarSequence& sequence, const at::Tensor& states) const {
    return nn::tokens_at(states, sequence.slots);
  }
  /// [B, T, D] to [B, T, V].
  at::Tensor logits(const at::Tensor& states) const;

  /// The mean over the masked tokens of the head's errors. t, noise: of all tokens, copy by copy, [mul B N]
  /// and [mul B N, C]; undefined: sampled.
  at::Tensor image_loss(const at::Tensor& tokens, const Captions& captions, const at::Tensor& masked,
                        const at::Tensor& t = {}, const at::Tensor& noise = {}) const;
  /// The cross-entropy of every word and eos of captions given the whole pictures, [sum of lengths + B].
  at::Tensor text_errors(const at::Tensor& tokens, const Captions& captions) const;
  /// The same of states that are there.
  at::Tensor text_errors(const at::Tensor& logits, const MmarSequence& sequence,
                         const Captions& captions) const;

  const nn::DiffusionLoss& diffloss() const { return *diffloss_; }
  /// The type of the linear maps inside blocks and head, for inference.
  void set_type(at::ScalarType type);
  void initialise();

 private:
  MmarSequence sequence_of(const at::Tensor& ids) const;

  MmarOptions options_;
  std::shared_ptr<nn::NamedDecoder> model_;
  std::shared_ptr<nn::LinearLayer> lm_head_;  ///< null where words are written by the embedding
  std::shared_ptr<EmbeddingVit> embedding_vit_;
  std::shared_ptr<nn::LinearLayer> projector_in_, projector_out_;
  std::shared_ptr<nn::DiffusionLoss> diffloss_;
};

}  // namespace arzoo::image
