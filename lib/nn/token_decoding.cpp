#include "nn/token_decoding.h"

#include <torch/torch.h>

#include <limits>

namespace arzoo::nn {
namespace {

/// logits: [B, V]; seen: [B, T].
at::Tensor penalised(const at::Tensor& logits, const at::Tensor& seen, double penalty) {
  const auto own = logits.gather(1, seen);
  return logits.scatter(1, seen, at::where(own > 0, own / penalty, own * penalty));
}

/// What may be sampled, [B, V] float on the CPU.
at::Tensor allowed_logits(const at::Tensor& logits, const at::Tensor& seen, const DecodingRules& rules) {
  auto allowed = logits.to(at::kCPU, at::kFloat).contiguous().clone();
  if (rules.known > 0 && rules.known < allowed.size(1))
    allowed.narrow(1, rules.known, allowed.size(1) - rules.known)
        .fill_(-std::numeric_limits<double>::infinity());
  if (rules.repetition_penalty != 1.0) allowed = penalised(allowed, seen, rules.repetition_penalty);
  filter_logits(allowed, rules.sampling);
  return allowed;
}

at::Tensor is_end(const at::Tensor& ids, const std::vector<int64_t>& ends) {
  auto ended = at::zeros_like(ids, at::kBool);
  for (const auto end : ends) ended.logical_or_(ids == end);
  return ended;
}

}  // namespace

at::Tensor decode_tokens(TokenStream& stream, const at::Tensor& prompt, int64_t steps,
                         const DecodingRules& rules, TokenRandomInputs& random_inputs,
                         const DecodingWatcher& watcher) {
  const c10::InferenceMode inference;
  auto all = prompt.cpu();
  auto next = prompt;
  auto ended = at::zeros({prompt.size(0)}, at::kBool);
  for (int64_t step = 0; step < steps; ++step) {
    const auto logits = stream.read(next);
    const auto allowed = allowed_logits(logits, all, rules);
    auto ids = random_inputs.pick(allowed.unsqueeze(1), step).squeeze(1);  // [B]
    ids = at::where(ended, all.select(1, -1), ids);
    ended = ended.logical_or(is_end(ids, rules.ends));
    all = at::cat({all, ids.unsqueeze(1)}, 1);
    if (watcher && !watcher({step, logits, allowed, ids})) break;
    if (ended.all().item<bool>()) break;
    next = ids.unsqueeze(1).to(prompt.device());
  }
  return all;
}

}  // namespace arzoo::nn
