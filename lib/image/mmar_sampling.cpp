#include "image/mmar_sampling.h"

#include <torch/torch.h>

#include "image/latent_tokens.h"
#include "nn/seeded_noise.h"
#include "runtime/generation_options.h"

namespace arzoo::image {
namespace {

at::Tensor unmasked(const at::Tensor& tokens) {
  return at::zeros({tokens.size(0), tokens.size(1)}, tokens.options().dtype(at::kBool));
}

/// The conditions of all slots.
at::Tensor conditions_of(const Mmar& model, const MmarSequence& sequence, const at::Tensor& visual) {
  return model.conditions(sequence, model.states(sequence, visual)).to(at::kFloat);
}

}  // namespace

MmarSampling mmar_sampling(const Json& asked, const Json& folder) {
  const auto options = runtime::generation_options<MmarGenerationOptions>(asked, folder, MmarOptions::kName);
  return {options.steps,           options.cfg,  options.cfg_schedule == "linear",
          options.denoising_steps, options.clip, nn::solver_of(options.denoising_solver)};
}

at::Tensor sample_mmar_tokens(const Mmar& model, const MmarRequest& request, const MmarSampling& sampling,
                              const MmarNoise& noise) {
  const torch::NoGradGuard no_grad;
  const int64_t batch = request.orders.size(0), length = request.orders.size(1),
                channels = model.options().vae.embed_dim, steps = std::min(sampling.num_iter, length);
  const bool guided = sampling.cfg != 1.0;
  const auto with = model.text_to_image(request.captions);
  const auto none = at::ones({batch}, request.orders.options().dtype(at::kBool));
  const auto without = model.text_to_image(request.captions.without(none));
  const nn::DiffusionSchedule schedule(sampling.num_sampling_steps);
  auto tokens = at::zeros({batch, length, channels}, request.orders.options().dtype(at::kFloat));
  int64_t masked = length;
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t next = nn::masked_after(step, steps, length, masked);
    const int64_t stay = step + 1 == steps ? 0 : next;
    const double there = static_cast<double>(length - next) / static_cast<double>(length);
    const double cfg = 1.0 + (sampling.cfg - 1.0) * (sampling.linear_cfg ? there : 1.0);
    const auto hidden = nn::keep_all_but_first(request.orders, masked).masked();
    const nn::MaskedPlaces places{step, std::get<0>(request.orders.narrow(1, stay, masked - stay).sort(1)),
                                  length};
    const auto visual = model.visual(model.vision(tokens, hidden));
    const auto z = conditions_of(model, with, visual);
    auto rows = nn::tokens_at(z, places.index).flatten(0, 1);
    if (guided)
      rows =
          at::cat({rows, nn::tokens_at(conditions_of(model, without, visual), places.index).flatten(0, 1)});
    const auto start = noise(places, channels);
    // Both halves follow the same rows, which the first half's are.
    const nn::Denoising how{.cfg = guided ? cfg : 1.0, .clip = sampling.clip, .solver = sampling.solver};
    const auto sampled = model.diffloss().sample(rows, schedule, how, {[&] { return start; }});
    const auto own = sampled.view({batch, -1, channels});
    tokens.scatter_(1, places.index.unsqueeze(-1).expand_as(own), own);
    if (request.observer) request.observer({step, hidden, z, sampled, tokens, cfg});
    masked = stay;
  }
  return tokens;
}

at::Tensor sample_mmar_latents(const Mmar& model, const Captions& captions,
                               const std::vector<uint64_t>& seeds, const MmarSampling& sampling,
                               const LatentWatcher& watcher) {
  const auto& options = model.options();
  nn::SeededMaskedNoise seeded(seeds);
  MmarRequest request{captions, seeded.orders(options.tokens()).to(captions.words.device()), nullptr};
  if (watcher)
    request.observer = [&](const MmarStep& step) {
      watcher(step.step, grid_of_tokens(step.tokens, options.side()));
    };
  const auto noise = [&](const nn::MaskedPlaces& places, int64_t channels) {
    return seeded.random_inputs(places, channels).start();
  };
  return grid_of_tokens(sample_mmar_tokens(model, request, sampling, noise), options.side());
}

at::Tensor describe_tokens(const Mmar& model, const at::Tensor& tokens, int64_t most) {
  const torch::NoGradGuard no_grad;
  const auto& special = model.options().special_tokens;
  const int64_t batch = tokens.size(0), first = model.options().tokens() + 2;
  const auto visual = model.visual(model.vision(tokens, unmasked(tokens)));
  const auto integers = tokens.options().dtype(at::kLong);
  auto words = at::zeros({batch, 0}, integers);
  auto ended = at::zeros({batch}, tokens.options().dtype(at::kBool));
  for (int64_t count = 0; count < most && !ended.all().item<bool>(); ++count) {
    const auto sequence =
        model.image_to_text({words, at::full({batch}, count, integers)}, /*with_end=*/false);
    const auto state = model.states(sequence, visual).narrow(1, first + count, 1);
    const auto likely = model.logits(state).argmax(-1).squeeze(1);
    const auto word = at::where(ended, at::full_like(likely, special.pad), likely);
    words = at::cat({words, word.unsqueeze(1)}, 1);
    ended = ended.logical_or(word.eq(special.eos));
  }
  return words;
}

at::Tensor caption_scores(const Mmar& model, const at::Tensor& tokens, const Captions& captions) {
  const torch::NoGradGuard no_grad;
  const int64_t batch = tokens.size(0);
  const auto visual = model.visual(model.vision(tokens, unmasked(tokens)));
  std::vector<at::Tensor> scores;
  for (int64_t i = 0; i < captions.words.size(0); ++i) {
    const int64_t length = captions.lengths[i].item<int64_t>();
    const Captions same{captions.words[i].narrow(0, 0, length).expand({batch, length}),
                        captions.lengths[i].expand({batch})};
    const auto sequence = model.image_to_text(same);
    const auto errors = model.text_errors(model.logits(model.states(sequence, visual)), sequence, same);
    scores.push_back(errors.view({batch, length + 1}).sum(1).neg());
  }
  return at::stack(scores, 1);
}

}  // namespace arzoo::image
