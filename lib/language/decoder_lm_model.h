#pragma once

#include "kernels/packed_weights.h"
#include "language/decoder_lm.h"
#include "language/language_model.h"
#include "nn/gpt_blocks.h"
#include "nn/named_decoder.h"
#include "runtime/named_tensors.h"

namespace arzoo::language {

/// A plain decoder under the names of its architecture's transformers class.
class DecoderLm : public DecoderModel, public kernels::PackedForInference {
 public:
  explicit DecoderLm(const DecoderLmOptions& options);

  int64_t vocabulary() const override { return options_.vocab_size; }
  int64_t longest() const override { return options_.is_gpt2() ? options_.max_position_embeddings : 0; }
  int64_t layers() const override { return options_.num_hidden_layers; }
  at::Tensor hidden(const at::Tensor& ids, const nn::DecoderPass& pass) override;
  at::Tensor head(const at::Tensor& hidden) override;
  void initialise() override;
  void pack() override {}
  /// The head, which may be the embedding, is kept in 8 bits at least: no layer behind it averages its
  /// errors.
  std::vector<kernels::QuantizableWeight> quantizable(Quantization form) const override;
  void take_packed(const std::string& name, const at::Tensor& packed) override;

  const DecoderLmOptions& options() const { return options_; }
  /// LLaMA, Qwen2 and GPT-NeoX; null for GPT-2.
  const std::shared_ptr<nn::NamedDecoder>& named() const { return named_; }

 private:
  DecoderLmOptions options_;
  std::shared_ptr<nn::GptBlocks> gpt_;
  std::shared_ptr<nn::NamedDecoder> named_;
  at::Tensor embedding_;                   ///< [V, D]
  at::Tensor packed_embedding_;            ///< once it is packed
  std::shared_ptr<nn::LinearLayer> head_;  ///< null where it is the embedding
};

/// The tensors of a published file under the names of a model's parameters: a prefix that the file leaves out
/// is put before them ("transformer."), and a head that repeats the embedding of a tied model is left out.
/// Throws CheckpointError for such a head that differs from it.
runtime::NamedTensors canonical_tensors(const DecoderLmOptions& options, const runtime::NamedTensors& file);

}  // namespace arzoo::language
