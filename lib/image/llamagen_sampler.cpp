#include "image/llamagen_sampler.h"

#include <torch/torch.h>

#include "core/error.h"
#include "image/llamagen_target.h"
#include "nn/drafter.h"

namespace arzoo::image {

at::Tensor token_rows(const std::vector<std::vector<int64_t>>& rows) {
  std::vector<at::Tensor> all;
  for (const auto& row : rows) all.push_back(at::tensor(row, at::kLong));
  return at::stack(all);
}

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

std::function<int64_t(std::size_t, int64_t)> places_given(const GivenTokens* given) {
  if (given == nullptr) return {};
  const auto ids = at::where(given->known, given->ids, -1).cpu().contiguous();
  return [ids](std::size_t row, int64_t place) {
    const int64_t own = ids.size(0) == 1 ? 0 : static_cast<int64_t>(row);
    return place < ids.size(1) ? ids.const_data_ptr<int64_t>()[own * ids.size(1) + place] : int64_t{-1};
  };
}

at::Tensor LlamaGenSampler::tokens(const LlamaGenCondition& condition, const LlamaGenSampling& sampling,
                                   nn::TokenRandomInputs& random_inputs,
                                   const std::function<void(const LlamaGenStep&)>& watch) const {
  const torch::NoGradGuard no_grad;
  LlamaGenStream stream(model_, condition, sampling.guidance);
  LlamaGenBatch target(stream);
  nn::NoDrafts drafter;
  nn::SampledTokens choice(random_inputs);
  const auto device = model_.embedding().device();
  const auto hear = [&](const nn::DecodingRound& round) {
    if (!watch) return true;
    std::vector<int64_t> ids;
    for (const auto& added : round.added) ids.push_back(added.front());
    watch({round.firsts.front(), round.logits, round.allowed, at::tensor(ids, at::kLong).to(device)});
    return true;
  };
  const auto rows = nn::decode({.target = target,
                                .drafter = drafter,
                                .choice = choice,
                                .rules = {.sampling = sampling.tokens},
                                .given = places_given(given_),
                                .watch = hear},
                               std::vector<std::vector<int64_t>>(static_cast<std::size_t>(condition.batch())),
                               model_.options().block_size);
  cache_bytes_ = stream.cache_bytes();
  return token_rows(rows).to(device);
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
