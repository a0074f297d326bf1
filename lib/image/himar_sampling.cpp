#include "image/himar_sampling.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "image/latent_tokens.h"
#include "kernels/random_numbers.h"
#include "runtime/generation_options.h"

namespace arzoo::image {
namespace {

using Phase = HiMar::Phase;

// A seed's streams, beside those of a MAR's.
constexpr uint64_t kDenseOrders = 0x64656e7365U, kDenseNoise = 0x67726964U;

/// Both halves of a guided pass; one where there is no guidance.
at::Tensor in_halves(const at::Tensor& x, bool guided) { return guided ? at::cat({x, x}) : x; }

/// Tokens of one phase and how many of them are known.
struct PhaseTokens {
  at::Tensor orders, tokens;  ///< [B, N] long, [B, N, C]
  int64_t masked;             ///< the first so many of each order

  PhaseTokens(const at::Tensor& of_orders, const at::Tensor& known, int64_t of_masked, int64_t channels)
      : orders(of_orders),
        tokens(known.defined() ? known.to(at::kFloat).clone()
                               : at::zeros({of_orders.size(0), of_orders.size(1), channels},
                                           of_orders.options().dtype(at::kFloat))),
        masked(of_masked >= 0 ? of_masked : of_orders.size(1)) {}

  int64_t size() const { return orders.size(1); }
};

/// A generation on its way.
class HiMarGeneration {
 public:
  HiMarGeneration(const HiMar& model, const HiMarRequest& request, const HiMarSampling& sampling,
                  HiMarNoise& noise)
      : model_(model),
        request_(request),
        sampling_(sampling),
        noise_(noise),
        channels_(model.options().vae.embed_dim),
        pivots_(request.pivot_orders, request.known_pivots, request.masked_pivots, channels_),
        dense_(request.orders, request.known, request.masked, channels_) {}

  HiMarTokens run() {
    const auto& width = model_.options().encoder_embed_dim;
    pivot_z_ = at::zeros({request_.condition.size(0), pivots_.size(), width},
                         request_.condition.options().dtype(at::kFloat));
    unknown_pivots_ = std::get<0>(pivots_.orders.narrow(1, 0, pivots_.masked).sort(1));
    const nn::DiffusionSchedule pivot_schedule(sampling_.pivot_sampling_steps);
    const int64_t all_pivots = pivots_.masked;
    for (int64_t step = 0; step < sampling_.pivot_steps && pivots_.masked > 0; ++step)
      sample_pivots(step, all_pivots, pivot_schedule);
    // Whose tokens are given stay without a condition vector, as those that were not masked in training.
    rows_ = model_.seen_rows(nn::tokens_at(pivot_z_, unknown_pivots_), unknown_pivots_, pivots_.tokens);
    const nn::DiffusionSchedule schedule(sampling_.sampling_steps);
    const int64_t all = dense_.masked;
    for (int64_t step = 0; step < sampling_.steps && dense_.masked > 0; ++step)
      sample_dense(step, all, schedule);
    return {pivots_.tokens, pivot_z_, dense_.tokens};
  }

 private:
  /// Guidance after a step that leaves `masked` of `all` tokens.
  double guidance(double cfg, int64_t masked, int64_t all) const {
    if (!sampling_.linear_cfg) return cfg;
    return 1.0 + (cfg - 1.0) * static_cast<double>(all - masked) / static_cast<double>(all);
  }

  nn::Denoising denoising(double cfg) const {
    return {cfg, sampling_.temperature, sampling_.clip, sampling_.solver};
  }

  at::Tensor conditions(bool guided) const {
    const auto& condition = request_.condition;
    return guided ? at::cat({condition, model_.no_condition(condition.size(0))}) : condition;
  }

  void sample_pivots(int64_t step, int64_t all, const nn::DiffusionSchedule& schedule) {
    const bool guided = sampling_.pivot_cfg != 1.0, last = step + 1 == sampling_.pivot_steps;
    const int64_t next = nn::masked_after(step, sampling_.pivot_steps, all, pivots_.masked);
    const double cfg = guidance(sampling_.pivot_cfg, next, pivots_.size());
    const int64_t stay = last ? 0 : next, count = pivots_.masked - stay;
    const auto masked = nn::keep_all_but_first(pivots_.orders, pivots_.masked).masked();
    at::Tensor encoded, z, sampled;
    if (count > 0) {
      const nn::MaskedPlaces places{step, std::get<0>(pivots_.orders.narrow(1, stay, count).sort(1)),
                                    pivots_.size()};
      const auto seen = model_.visible_pivots(pivots_.orders, pivots_.masked);
      const auto rows = model_.pivot_rows(nn::tokens_at(pivots_.tokens, seen.index));
      const nn::VisibleTokens visible{in_halves(seen.index, guided), seen.length};
      encoded = model_.encode(Phase::pivots, in_halves(rows, guided), visible, conditions(guided));
      const auto decoded =
          model_.decode(Phase::pivots, encoded, visible, in_halves(places.index, guided)).to(at::kFloat);
      z = decoded.flatten(0, 1);
      // Of a single pivot the scale begins, and ends, at 1: no guidance.
      const bool mixes = guided && cfg != 1.0;
      sampled = model_.diffloss().sample(mixes ? z : z.narrow(0, 0, places.rows()), schedule,
                                         denoising(mixes ? cfg : 1.0), noise_.pivots(places, channels_));
      const int64_t batch = places.index.size(0);
      put(pivots_.tokens, places.index, sampled.narrow(0, 0, places.rows()).view({batch, count, -1}));
      put(pivot_z_, places.index, decoded.narrow(0, 0, batch));
    }
    pivots_.masked = stay;
    if (request_.observer)
      request_.observer({Phase::pivots, step, masked, encoded, z, sampled, pivots_.tokens, cfg});
  }

  void sample_dense(int64_t step, int64_t all, const nn::DiffusionSchedule& schedule) {
    const bool guided = sampling_.cfg != 1.0, last = step + 1 == sampling_.steps;
    const int64_t next = nn::masked_after(step, sampling_.steps, all, dense_.masked);
    const double cfg = guidance(sampling_.cfg, next, dense_.size());
    const auto seen = nn::keep_all_but_first(dense_.orders, dense_.masked);
    const auto rows = at::cat({rows_, model_.dense_rows(nn::tokens_at(dense_.tokens, seen.index))}, 1);
    const auto visible = nn::with_prefix({in_halves(seen.index, guided), seen.length}, pivots_.size());
    const auto encoded = model_.encode(Phase::dense, in_halves(rows, guided), visible, conditions(guided));
    const auto places = at::arange(pivots_.size(), pivots_.size() + dense_.size(), seen.index.options());
    const auto z = model_.decode(Phase::dense, encoded, visible, places.expand({visible.index.size(0), -1}))
                       .to(at::kFloat);
    const auto masked = seen.masked();
    const nn::KnownGrid known{dense_.tokens, masked.logical_not()};
    const auto sampled = model_.cond_diffloss().sample(z, schedule, denoising(guided ? cfg : 1.0),
                                                       noise_.dense(step, dense_.size(), channels_), &known);
    // All that was masked takes its new value; what the next mask covers is not seen again.
    dense_.tokens = at::where(masked.unsqueeze(-1), sampled.narrow(0, 0, masked.size(0)), dense_.tokens);
    dense_.masked = last ? 0 : next;
    if (request_.observer)
      request_.observer({Phase::dense, step, masked, encoded, z, sampled, dense_.tokens, cfg});
  }

  static void put(at::Tensor& into, const at::Tensor& index, const at::Tensor& rows) {
    into.scatter_(1, index.unsqueeze(-1).expand_as(rows), rows);
  }

  const HiMar& model_;
  const HiMarRequest& request_;
  const HiMarSampling& sampling_;
  HiMarNoise& noise_;
  int64_t channels_;
  PhaseTokens pivots_, dense_;
  at::Tensor pivot_z_, unknown_pivots_, rows_;
};

/// A request's orders, tokens and count of a phase, of latents that are known.
void take_known(const KnownLatents& known, int64_t samples, at::Tensor& orders, at::Tensor& tokens,
                int64_t& masked) {
  tokens = known.tokens.expand({samples, -1, -1});
  orders = unknown_first(orders, known.known);
  masked = known.known.logical_not().sum().item<int64_t>();
}

}  // namespace

HiMarSampling himar_sampling(const HiMarGenerationOptions& options, int64_t cond_scale) {
  HiMarSampling sampling;
  sampling.pivot_steps = options.pivot_steps > 0 ? options.pivot_steps : 4 * cond_scale;
  sampling.steps = options.steps;
  sampling.pivot_cfg = options.pivot_cfg;
  sampling.cfg = options.cfg;
  sampling.linear_cfg = options.cfg_schedule == "linear";
  sampling.pivot_sampling_steps = options.pivot_denoising_steps;
  sampling.sampling_steps = options.denoising_steps;
  sampling.temperature = options.temperature;
  sampling.clip = options.clip;
  sampling.solver = nn::solver_of(options.denoising_solver);
  return sampling;
}

HiMarSampling himar_sampling(const Json& asked, const Json& folder, int64_t cond_scale) {
  return himar_sampling(
      runtime::generation_options<HiMarGenerationOptions>(asked, folder, HiMarOptions::kName), cond_scale);
}

SeededHiMarNoise::SeededHiMarNoise(std::vector<uint64_t> seeds, at::Device device)
    : seeds_(std::move(seeds)), device_(device), of_pivots_(seeds_) {}

nn::DiffusionRandomInputs SeededHiMarNoise::pivots(const nn::MaskedPlaces& places, int64_t channels) {
  return of_pivots_.random_inputs(places, channels);
}

nn::DiffusionRandomInputs SeededHiMarNoise::dense(int64_t step, int64_t tokens, int64_t channels) {
  std::vector<uint64_t> streams;
  for (const uint64_t seed : seeds_) {
    const uint64_t of_step = splitmix64(splitmix64(seed ^ kDenseNoise) + static_cast<uint64_t>(step));
    for (int64_t token = 0; token < tokens; ++token)
      streams.push_back(splitmix64(of_step + static_cast<uint64_t>(token)));
  }
  // The start of a token's denoising is row 0 of its stream, the step from index i row i + 1.
  const auto numbers = [own = kernels::streams_on(streams, device_), tokens, channels](int64_t row) {
    return kernels::normal_numbers(own, row, /*rows=*/1, channels).view({-1, tokens, channels});
  };
  return {[numbers] { return numbers(0); }, [numbers](int64_t index) { return numbers(index + 1); }};
}

at::Tensor SeededHiMarNoise::pivot_orders(int64_t pivots) const {
  return of_pivots_.orders(pivots).to(device_);
}

at::Tensor SeededHiMarNoise::orders(int64_t tokens) const {
  auto seeds = seeds_;
  for (auto& seed : seeds) seed = splitmix64(seed ^ kDenseOrders);
  return nn::SeededMaskedNoise(std::move(seeds)).orders(tokens).to(device_);
}

HiMarTokens sample_himar_tokens(const HiMar& model, const HiMarRequest& request,
                                const HiMarSampling& sampling, HiMarNoise& noise) {
  const torch::NoGradGuard no_grad;
  return HiMarGeneration(model, request, sampling, noise).run();
}

HiMarLatents sample_himar_latents(const HiMar& model, const at::Tensor& labels,
                                  const std::vector<uint64_t>& seeds, const HiMarSampling& sampling,
                                  const KnownHiMarLatents* known, const LatentWatcher& watcher) {
  const torch::NoGradGuard no_grad;
  const auto& options = model.options();
  SeededHiMarNoise noise(seeds, labels.device());
  HiMarRequest request;
  request.condition = model.condition(labels);
  request.pivot_orders = noise.pivot_orders(options.pivots());
  request.orders = noise.orders(options.tokens());
  if (known != nullptr) {
    const int64_t samples = labels.size(0);
    take_known(known->pivots, samples, request.pivot_orders, request.known_pivots, request.masked_pivots);
    take_known(known->dense, samples, request.orders, request.known, request.masked);
  }
  const auto latents = [&](Phase phase, const at::Tensor& tokens) {
    return grid_of_tokens(tokens, phase == Phase::pivots ? options.cond_scale : options.side());
  };
  if (watcher)
    request.observer = [&](const HiMarStep& step) {
      const int64_t before = step.phase == Phase::pivots ? 0 : sampling.pivot_steps;
      watcher(before + step.step, latents(step.phase, step.tokens));
    };
  const auto tokens = sample_himar_tokens(model, request, sampling, noise);
  return {latents(Phase::pivots, tokens.pivots), latents(Phase::dense, tokens.tokens)};
}

}  // namespace arzoo::image
