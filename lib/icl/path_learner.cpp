#include "icl/path_learner.h"

#include <torch/torch.h>

#include "kernels/linear.h"

namespace arzoo::icl {

PathLearner::PathLearner(const AlpineOptions& options, int64_t vocab_size, int64_t block_size)
    : layers_(options.decoder.n_layer), block_size_(block_size) {
  transformer_ = register_module(
      "transformer",
      std::make_shared<nn::GptBlocks>(options.decoder, block_size, nn::GptBlocks::Layout::output_major));
  const auto table = transformer_->register_module("wte", std::make_shared<torch::nn::Module>());
  embedding_ = table->register_parameter("weight", at::empty({vocab_size, options.decoder.n_embd}));
  // A buffer, so that the optimiser meets the tensor once.
  const auto head = register_module("lm_head", std::make_shared<torch::nn::Module>());
  head_ = head->register_buffer("weight", embedding_.detach());
}

void PathLearner::tie() { head_.set_data(embedding_.detach()); }

void PathLearner::initialise() { transformer_->initialise(); }

at::Tensor PathLearner::forward(const at::Tensor& ids, nn::DecoderCache* cache, nn::DecoderTrace* trace) {
  const auto hidden = transformer_->forward(at::embedding(embedding_, ids), {.cache = cache, .trace = trace});
  return kernels::linear(hidden, embedding_, {});
}

at::Tensor PathLearner::loss(const at::Tensor& ids, const at::Tensor& targets) {
  const auto logits = forward(ids).to(at::kFloat);
  return at::cross_entropy_loss(logits.flatten(0, 1), targets.flatten(), {}, at::Reduction::Mean,
                                /*ignore_index=*/0);
}

at::Tensor PathLearner::generate(const at::Tensor& prompts, int64_t end, at::Generator generator) {
  const torch::NoGradGuard no_grad;
  nn::DecoderCache cache(layers_, block_size_);
  auto all = prompts;
  auto next = prompts;
  auto finished = at::zeros({prompts.size(0)}, prompts.options().dtype(at::kBool));
  while (all.size(1) < block_size_ && !finished.all().item<bool>()) {
    const auto logits = forward(next, &cache).select(1, -1);
    // Sampled on the CPU, whose generator gives the same on every machine.
    next = at::multinomial(at::softmax(logits, -1).cpu(), 1, /*replacement=*/false, generator)
               .to(prompts.device());
    finished = finished.logical_or(next.squeeze(1) == end);
    all = at::cat({all, next}, 1);
  }
  return all;
}

std::vector<std::string> no_weight_decay_path_parameters() {
  return {"transformer.wte.weight", "transformer.wpe.weight", "*ln_1.weight", "*ln_2.weight", "*ln_f.weight"};
}

}  // namespace arzoo::icl
