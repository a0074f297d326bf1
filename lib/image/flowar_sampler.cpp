#include "image/flowar_sampler.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "image/latent_tokens.h"
#include "kernels/random_numbers.h"
#include "runtime/generation_options.h"

namespace arzoo::image {
namespace {

constexpr int64_t kEvenGrid = 50;
constexpr uint64_t kFlow = 0x666c6f77U;
/// Rows of modulations that are computed at once: enough to make good use of each weight that is read.
constexpr int64_t kRowsAtOnce = 256;

/// Where the network is asked, in the order in which the solver asks.
std::vector<double> asked_times(const std::vector<double>& grid, const std::string& solver) {
  std::vector<double> asked;
  for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
    asked.push_back(grid[i]);
    if (solver == "midpoint") asked.push_back((grid[i] + grid[i + 1]) / 2.0);
    if (solver == "heun") asked.push_back(grid[i + 1]);
  }
  return asked;
}

/// The flow of one scale.
class ScaleFlow {
 public:
  /// strength: of guidance, 1 for none.
  ScaleFlow(const FlowNet& net, const FlowCondition& condition, const FlowSampling& sampling, double strength)
      : net_(net),
        condition_(condition),
        sampling_(sampling),
        strength_(strength),
        samples_(condition.embedded.size(0) / 2),
        only_(condition.first(samples_)),
        grid_(flow_times(sampling.num_steps)),
        asked_(asked_times(grid_, sampling.solver)) {}

  at::Tensor run(const at::Tensor& noise, const FlowObserver& observer) {
    // The state is kept in double precision, as officially; the network sees it in fp32.
    auto x = noise.to(at::kDouble);
    at::Tensor before;  // the first answer of the step before
    for (std::size_t i = 0; i + 1 < grid_.size(); ++i) {
      const double step = grid_[i + 1] - grid_[i];
      const auto first = velocity(x, i == 0 ? &observer : nullptr);
      if (sampling_.solver == "midpoint") {
        x = x + velocity(x + first * (step / 2.0)) * step;
      } else if (sampling_.solver == "heun") {
        x = x + (first + velocity(x + first * step)) * (step / 2.0);
      } else if (sampling_.solver == "adams" && before.defined()) {
        x = x + (first + (first - before) * (step / (2.0 * (grid_[i] - grid_[i - 1])))) * step;
      } else {
        x = x + first * step;
      }
      before = first;
    }
    return x.to(at::kFloat);
  }

 private:
  bool is_guided(double time) const {
    return strength_ > 1.0 && time >= sampling_.guidance_low && time <= sampling_.guidance_high;
  }

  /// The next answer, [rows of x, N, C] double.
  at::Tensor velocity(const at::Tensor& x, const FlowObserver* observer = nullptr) {
    const bool guided = is_guided(asked_[next_]);
    // Without guidance the halves do not see each other: the second is followed only if somebody asks for it.
    const bool both = guided || x.size(0) > samples_;
    const auto modulation = modulation_of_next(both);
    const auto seen = (guided ? x.narrow(0, 0, samples_).repeat({2, 1, 1}) : x).to(at::kFloat);
    const auto answer = net_.velocity(seen, modulation, both ? condition_ : only_);
    if (observer != nullptr && observer->on_first) observer->on_first(answer);
    if (!guided) return answer.to(at::kDouble);
    const auto with = answer.narrow(0, 0, samples_), without = answer.narrow(0, samples_, samples_);
    const auto mixed = without + (with - without) * strength_;
    return (x.size(0) > samples_ ? mixed.repeat({2, 1, 1}) : mixed).to(at::kDouble);
  }

  FlowModulation modulation_of_next(bool both) {
    const std::size_t index = next_++;
    if (index >= begin_ + ready_ || both != for_both_) compute(index, both);
    return modulations_.of_step(static_cast<int64_t>(index - begin_), both ? 2 * samples_ : samples_);
  }

  /// The modulations of the questions from `index` on that are put to as many samples.
  void compute(std::size_t index, bool both) {
    const int64_t rows = condition_.embedded.size(1) * (both ? 2 * samples_ : samples_);
    const auto most = static_cast<std::size_t>(std::max<int64_t>(kRowsAtOnce / rows, 1));
    std::size_t end = index + 1;
    while (end < asked_.size() && end - index < most && is_guided(asked_[end]) == is_guided(asked_[index]))
      ++end;
    const std::vector<double> times(asked_.begin() + static_cast<std::ptrdiff_t>(index),
                                    asked_.begin() + static_cast<std::ptrdiff_t>(end));
    const auto embedded = net_.embedded_times(
        at::tensor(at::ArrayRef<double>(times), at::kDouble).to(condition_.embedded.device()));
    modulations_ = net_.modulations(embedded.unsqueeze(1).unsqueeze(1), both ? condition_ : only_);
    begin_ = index;
    ready_ = end - index;
    for_both_ = both;
  }

  const FlowNet& net_;
  const FlowCondition& condition_;
  const FlowSampling& sampling_;
  double strength_;
  int64_t samples_;
  FlowCondition only_;  ///< of the first half
  std::vector<double> grid_, asked_;
  std::size_t next_ = 0;
  std::size_t begin_ = 0, ready_ = 0;  ///< what modulations_ are for
  bool for_both_ = false;
  FlowModulation modulations_;
};

}  // namespace

FlowSampling flow_sampling(const Json& asked, const Json& folder) {
  const auto options =
      runtime::generation_options<FlowArGenerationOptions>(asked, folder, FlowArOptions::kName);
  FlowSampling sampling;
  sampling.num_steps = options.steps;
  sampling.cfg = options.cfg;
  sampling.guidance_high = options.guidance;
  sampling.solver = options.solver;
  sampling.temperature = options.temperature;
  return sampling;
}

std::vector<double> flow_times(int64_t num_steps) {
  const auto line = [](double from, double to, int64_t count) {
    return at::linspace(from, to, count, at::kDouble);
  };
  const auto times = num_steps == kEvenGrid
                         ? line(1.0, 0.0, num_steps + 1)
                         : at::cat({line(1.0, 0.3, num_steps / 2), line(0.25, 0.0, num_steps / 2 + 1)});
  const auto* data = times.const_data_ptr<double>();
  return {data, data + times.numel()};
}

at::Tensor sample_latents(const FlowAr& model, const at::Tensor& labels, const FlowSampling& sampling,
                          const FlowNoise& noise, const FlowObserver& observer, runtime::Trace* trace) {
  const torch::NoGradGuard no_grad;
  const auto& grids = model.grids();
  const int64_t samples = labels.size(0);
  auto generation = model.begin(at::cat({labels, at::full_like(labels, model.null_class())}));
  generation.trace = trace;
  at::Tensor input, tokens;
  for (std::size_t k = 0; k < grids.size(); ++k) {
    const auto z = model.extend(generation, input);
    const double place = static_cast<double>(k) / static_cast<double>(grids.size() - 1);
    const auto condition = model.flow().prepare(z, grids[k].height);
    ScaleFlow flow(model.flow(), condition, sampling, 1.0 + (sampling.cfg - 1.0) * place);
    const auto sampled = flow.run(noise(k).to(z.device()), observer);
    tokens = sampled.narrow(0, 0, samples);
    if (observer.on_scale) observer.on_scale(k, z, sampled);
    if (k + 1 < grids.size()) input = model.next_input(tokens, k).repeat({2, 1, 1});
  }
  return unpatchified(tokens, grids.back().height, 1);
}

FlowNoise seeded_flow_noise(const FlowAr& model, std::vector<uint64_t> seeds, double temperature) {
  for (auto& seed : seeds) seed = splitmix64(seed ^ kFlow);
  const auto streams = kernels::streams_on(seeds, model.parameters().front().device());
  return [&model, streams, temperature, channels = model.options().vae.embed_dim](std::size_t scale) {
    const int64_t first = tokens_of(model.grids(), scale), tokens = model.grids()[scale].tokens();
    return kernels::normal_numbers(streams, first, tokens, channels).mul_(temperature);
  };
}

}  // namespace arzoo::image
