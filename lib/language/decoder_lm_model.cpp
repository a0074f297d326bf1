#include "language/decoder_lm_model.h"

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/int8.h"
#include "kernels/quantized_weights.h"
#include "language/experiment.h"
#include "language/fixture.h"
#include "language/text_speed_work.h"
#include "language/text_study.h"
#include "nn/embedding_table.h"

namespace arzoo::language {
namespace {

/// Names in the official files; the embedding's and other weights' but the head's have the prefix.
struct Layout {
  std::string prefix, embedding, head;
};

Layout layout_of(const DecoderLmOptions& options) {
  if (options.is_gpt2()) return {"transformer.", "wte.weight", "lm_head.weight"};
  if (options.is_llama()) return {"model.", "embed_tokens.weight", "lm_head.weight"};
  return {"gpt_neox.", "embed_in.weight", "embed_out.weight"};
}

}  // namespace

DecoderLm::DecoderLm(const DecoderLmOptions& options) : options_(options) {
  const auto decoder = options.decoder();
  if (options.is_gpt2()) {
    gpt_ = register_module("transformer",
                           std::make_shared<nn::GptBlocks>(decoder, options.max_position_embeddings,
                                                           nn::GptBlocks::Layout::input_major));
    embedding_ = nn::register_table(*gpt_, "wte", options.vocab_size, options.hidden_size);
  } else {
    const bool llama = options.is_llama();
    const nn::DecoderBiases biases{.qkv = options.has_qkv_bias(),
                                   .projection = options.has_attention_bias(),
                                   .feed_forward = !llama || options.mlp_bias};
    named_ =
        register_module(llama ? "model" : "gpt_neox",
                        std::make_shared<nn::NamedDecoder>(decoder, llama ? nn::kLlamaNames : nn::kNeoxNames,
                                                           biases, options.vocab_size));
    embedding_ = named_->embedding();
  }
  if (!options.tied()) {
    head_ = register_module(options.architecture == "gpt_neox" ? "embed_out" : "lm_head",
                            std::make_shared<nn::LinearLayer>(options.hidden_size, options.vocab_size,
                                                              /*with_bias=*/false));
  }
}

at::Tensor DecoderLm::hidden(const at::Tensor& ids, const nn::DecoderPass& pass) {
  const auto x = packed_embedding_.defined()
                     ? kernels::int8_rows(packed_embedding_, ids).to(embedding_.scalar_type())
                     : at::embedding(embedding_, ids);
  if (gpt_ != nullptr) return gpt_->forward(x, pass);
  auto own = pass;
  own.value_rows = named_->value_rows(ids);
  return named_->forward(x, own);
}

at::Tensor DecoderLm::head(const at::Tensor& hidden) {
  if (head_ != nullptr) return head_->forward(hidden);
  return kernels::linear(hidden, packed_embedding_.defined() ? packed_embedding_ : embedding_, {});
}

std::vector<kernels::QuantizableWeight> DecoderLm::quantizable(Quantization form) const {
  constexpr auto kLeast = Quantization::int8;
  if (form == Quantization::none) return {};
  const auto layout = layout_of(options_);
  if (head_ != nullptr) {
    auto own = head_->quantizable(kLeast);
    for (auto& weight : own) weight.name = layout.head;
    return own;
  }
  if (packed_embedding_.defined() || !kernels::fits(embedding_, kLeast)) return {};
  return {{layout.prefix + layout.embedding, embedding_, kLeast}};
}

void DecoderLm::take_packed(const std::string& name, const at::Tensor& packed) {
  if (head_ != nullptr) return head_->take_packed(name, packed);
  packed_embedding_ = packed;
  kernels::release(embedding_);
}

void DecoderLm::initialise() {
  const torch::NoGradGuard no_grad;
  if (gpt_ != nullptr) {
    gpt_->initialise();
  } else {
    named_->initialise();
  }
  if (head_ != nullptr) head_->initialise(0.02);
}

runtime::NamedTensors canonical_tensors(const DecoderLmOptions& options, const runtime::NamedTensors& file) {
  const auto layout = layout_of(options);
  const bool bare = file.contains(layout.embedding);
  runtime::NamedTensors own(file.where());
  const at::Tensor* head = nullptr;
  for (const auto& [name, tensor] : file) {
    if (name == layout.head && options.tied()) {
      head = &tensor;
    } else if (bare && name != layout.head) {
      own.add(layout.prefix + name, tensor);
    } else {
      own.add(name, tensor);
    }
  }
  const auto embedding = layout.prefix + layout.embedding;
  if (head != nullptr && own.contains(embedding) && !at::equal(*head, own.at(embedding))) {
    fail<CheckpointError>("{}: {} differs from {}, though tie_word_embeddings says that they are one",
                          file.where(), layout.head, embedding);
  }
  return own;
}

}  // namespace arzoo::language

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::DecoderLmOptions>() {
  static const ModelEntry entry{
      .name = language::DecoderLmOptions::kName,
      .build = &build_any<language::DecoderLm, language::DecoderLmOptions>,
      .experiment = &language::language_experiment<language::DecoderLm, language::DecoderLmOptions>,
      .speed_work = &language::make_text_work,
      .study = language::text_study(),
      .replays = {{"gpt2", language::replay_decoder_lm},
                  {"llama", language::replay_decoder_lm},
                  {"qwen2", language::replay_decoder_lm},
                  {"gpt_neox", language::replay_decoder_lm}}};
  return entry;
}

}  // namespace arzoo::runtime
