#include "language/nano_gpt.h"

#include <torch/torch.h>

#include "core/error.h"
#include "nn/embedding_table.h"

namespace arzoo::language {

NanoGpt::NanoGpt(const nn::DecoderOptions& options, int64_t vocabulary, int64_t block_size,
                 nn::GptBlocks::MakeMap make_map)
    : layers_(options.n_layer),
      block_size_(block_size),
      transformer_(register_module(
          "transformer", std::make_shared<nn::GptBlocks>(
                             options, block_size, nn::GptBlocks::Layout::output_major, std::move(make_map)))),
      embedding_(nn::register_table(*transformer_, "wte", vocabulary, options.n_embd)) {}

at::Tensor NanoGpt::hidden(const at::Tensor& ids, const nn::DecoderPass& pass) {
  return transformer_->forward(at::embedding(embedding_, ids), pass);
}

at::Tensor NanoGpt::head(const at::Tensor& hidden) { return kernels::linear(hidden, embedding_, {}); }

runtime::NamedTensors without_tied_head(const runtime::NamedTensors& tensors) {
  constexpr std::string_view kHead = "lm_head.weight", kTable = "transformer.wte.weight";
  runtime::NamedTensors own(tensors.where());
  for (const auto& [name, tensor] : tensors) {
    if (name != kHead) {
      own.add(name, tensor);
    } else if (!at::equal(tensor, tensors.at(kTable))) {
      fail<CheckpointError>("{}: {} differs from {}, expected one tensor", tensors.where(), kHead, kTable);
    }
  }
  return own;
}

}  // namespace arzoo::language
