#include "image/llamagen_sampler.h"

#include <torch/torch.h>

#include "core/error.h"

namespace arzoo::image {

LlamaGenSampling llamagen_sampling(const LlamaGenGenerationOptions& options) {
  LlamaGenSampling sampling;
  sampling.guidance = {options.cfg, options.cfg_interval};
  sampling.tokens.top_k = options.top_k;
  sampling.tokens.top_p = options.top_p;
  sampling.tokens.temperature = options.temperature;
  return sampling;
}

LlamaGenSampler::LlamaGenSampler(LlamaGenVq& vae, const LlamaGen& model) : vae_(vae), model_(model) {
  const auto codes = model.options().vocab_size, own = vae.options().codebook_size;
  if (codes != own)
    fail<CheckpointError>("llamagen: the tokenizer has {} codes, expected {} (another one's checkpoint)", own,
                          codes);
}

at::Tensor LlamaGenSampler::tokens(const LlamaGenCondition& condition, const LlamaGenSampling& sampling,
                                   nn::TokenRandomInputs& random_inputs,
                                   const std::function<void(const LlamaGenStep&)>& watch) const {
  const torch::NoGradGuard no_grad;
  const int64_t count = model_.options().block_size;
  LlamaGenStream stream(model_, condition, sampling.guidance);
  const auto device = model_.embedding().device();
  auto all = at::zeros({condition.batch(), count}, at::TensorOptions(at::kLong).device(device));
  for (int64_t token = 0; token < count; ++token) {
    const auto logits = (token == 0 ? stream.begin() : stream.read(all.narrow(1, token - 1, 1)).select(1, 0))
                            .contiguous()
                            .cpu();
    auto allowed = logits.clone();
    nn::filter_logits(allowed, sampling.tokens);
    auto ids = random_inputs.pick(allowed.unsqueeze(1), token).select(1, 0).to(device);  // [B]
    if (given_ != nullptr) ids = at::where(given_->known.select(1, token), given_->ids.select(1, token), ids);
    all.select(1, token).copy_(ids);
    if (watch) watch({token, logits, allowed, ids});
  }
  cache_bytes_ = stream.cache_bytes();
  return all;
}

at::Tensor LlamaGenSampler::pictures(const at::Tensor& ids) const {
  const torch::NoGradGuard no_grad;
  const int64_t side = model_.options().side(), all = side * side, given = ids.size(1);
  const auto whole = given == all ? ids : at::constant_pad_nd(ids, {0, all - given}, 0);
  auto vectors = vae_.quantizer().lookup(whole.reshape({ids.size(0), side, side}));
  if (given < all) vectors.flatten(2).narrow(2, given, all - given).zero_();
  return vae_.decode(vectors).add_(1.0).mul_(0.5);
}

}  // namespace arzoo::image
