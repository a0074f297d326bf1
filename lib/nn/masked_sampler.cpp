#include "nn/masked_sampler.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "core/seeded_random.h"
#include "kernels/random_numbers.h"
#include "nn/seeded_noise.h"

namespace arzoo::nn {
namespace {

// A seed's streams.
constexpr uint64_t kOrders = 0x6f7264657273U, kDenoising = 0x6e6f697365U;

/// Both halves of a guided pass; one where there is no guidance.
at::Tensor both(const at::Tensor& x, bool guided) { return guided ? at::cat({x, x}) : x; }

/// A generation on its way.
class Generation {
 public:
  Generation(const MaskedGenerator& model, const MaskedRequest& request, const MaskedSampling& sampling)
      : model_(model),
        request_(request),
        sampling_(sampling),
        schedule_(sampling.num_sampling_steps),
        guided_(sampling.cfg != 1.0),
        masked_(request.masked >= 0 ? request.masked : model.layout().tokens) {
    const auto& layout = model.layout();
    const int64_t batch = request.condition.size(0);
    tokens_ = request.known.defined() ? request.known.to(at::kFloat).clone()
                                      : at::zeros({batch, layout.tokens, layout.token_width},
                                                  request.condition.options().dtype(at::kFloat));
    condition_ = guided_ ? at::cat({request.condition, model.no_condition(batch)}) : request.condition;
    all_ = masked_;
    sampling_.num_iter = std::min(sampling_.num_iter, all_);
  }

  int64_t steps() const { return sampling_.num_iter; }

  void step(int64_t step, MaskedNoise& noise) {
    const bool last = step + 1 == sampling_.num_iter;
    const int64_t next = masked_after(step, sampling_.num_iter, all_, masked_);
    const int64_t stay = last ? 0 : next;
    sample(step, stay, guidance(next), noise);
    masked_ = stay;
  }

  const at::Tensor& tokens() const { return tokens_; }

 private:
  double guidance(int64_t masked) const {
    const auto length = static_cast<double>(model_.layout().tokens);
    const double there = sampling_.linear_cfg ? (length - static_cast<double>(masked)) / length : 1.0;
    return 1.0 + (sampling_.cfg - 1.0) * there;
  }

  void sample(int64_t step, int64_t stay, double cfg, MaskedNoise& noise) {
    const auto visible = keep_all_but_first(request_.orders, masked_);
    const MaskedPlaces places{step, std::get<0>(request_.orders.narrow(1, stay, masked_ - stay).sort(1)),
                              model_.layout().tokens};
    const VisibleTokens seen{both(visible.index, guided_), visible.length};
    const auto encoded = model_.encode(both(tokens_, guided_), seen, condition_);
    const auto z = model_.decode(encoded, seen, both(places.index, guided_)).flatten(0, 1);
    const Denoising how{guided_ ? cfg : 1.0, sampling_.temperature, sampling_.clip, sampling_.solver};
    const auto sampled =
        model_.diffloss().sample(z, schedule_, how, noise.random_inputs(places, tokens_.size(2)));
    const auto rows = sampled.narrow(0, 0, places.rows()).view({tokens_.size(0), -1, tokens_.size(2)});
    tokens_.scatter_(1, places.index.unsqueeze(-1).expand_as(rows), rows);
    if (request_.observer)
      request_.observer({.step = step,
                         .masked = visible.masked(),
                         .encoded = encoded,
                         .z = z,
                         .sampled = sampled,
                         .tokens = tokens_,
                         .cfg = cfg});
  }

  const MaskedGenerator& model_;
  const MaskedRequest& request_;
  MaskedSampling sampling_;
  DiffusionSchedule schedule_;
  bool guided_;
  int64_t masked_, all_ = 0;
  at::Tensor tokens_, condition_;
};

}  // namespace

int64_t masked_after(int64_t step, int64_t steps, int64_t tokens, int64_t masked) {
  // In this order: where the product is whole, its rounding decides.
  const double share =
      std::cos(std::numbers::pi / 2.0 * static_cast<double>(step + 1) / static_cast<double>(steps));
  const auto wanted = static_cast<int64_t>(std::floor(static_cast<double>(tokens) * share));
  return std::max<int64_t>(1, std::min(masked - 1, wanted));
}

DiffusionRandomInputs SeededMaskedNoise::random_inputs(const MaskedPlaces& places, int64_t token_width) {
  // A stream per token of each sample; those of the places are picked where the places are.
  if (!streams_.defined() || streams_.size(1) < places.tokens) {
    std::vector<uint64_t> streams;
    for (const uint64_t seed : seeds_) {
      for (int64_t token = 0; token < places.tokens; ++token)
        streams.push_back(splitmix64(splitmix64(seed ^ kDenoising) + static_cast<uint64_t>(token)));
    }
    streams_ = kernels::streams_on(streams, places.index.device()).view({-1, places.tokens});
  }
  // The start of a token's denoising is row 0 of its stream, the step from index i row i + 1.
  const auto numbers = [own = streams_.gather(1, places.index).flatten(), token_width](int64_t row) {
    return kernels::normal_numbers(own, row, /*rows=*/1, token_width).squeeze(1);
  };
  return {[numbers] { return numbers(0); }, [numbers](int64_t index_) { return numbers(index_ + 1); }};
}

at::Tensor SeededMaskedNoise::orders(int64_t length) const {
  std::vector<uint64_t> streams;
  for (const uint64_t seed : seeds_) streams.push_back(splitmix64(seed ^ kOrders));
  return seeded_orders(streams, length);
}

at::Tensor sample_masked_tokens(const MaskedGenerator& model, const MaskedRequest& request,
                                const MaskedSampling& sampling, MaskedNoise& noise) {
  const torch::NoGradGuard no_grad;
  Generation generation(model, request, sampling);
  for (int64_t step = 0; step < generation.steps(); ++step) generation.step(step, noise);
  return generation.tokens();
}

}  // namespace arzoo::nn
