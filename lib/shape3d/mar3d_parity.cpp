#include <torch/torch.h>

#include <charconv>

#include "core/options_among.h"
#include "kernels/packed_weights.h"
#include "nn/masked_sampler.h"
#include "runtime/module_part.h"
#include "shape3d/fixture.h"
#include "shape3d/shape_mar.h"

namespace arzoo::shape3d {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;
using runtime::part;

/// The case's denoising steps, which the official code takes as text.
int64_t denoising_steps(const Config& config) {
  const auto where = config.at("num_sampling_steps");
  const auto text = where.text();
  int64_t steps = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), steps);
  if (error != std::errc() || end != text.data() + text.size() || steps < 1 ||
      steps > nn::DiffusionSchedule::kDiffusionSteps)
    where.reject(fmt::format("\"{}\", expected a number of steps up to 1000", text));
  return steps;
}

ShapeMarOptions mar_options(const Config& config) {
  Json visible = config.json();
  visible.erase("num_sampling_steps");
  auto options = options_among<ShapeMarOptions>(Config(std::move(visible), config.name()));
  options.num_sampling_steps = denoising_steps(config);
  return options;
}

std::shared_ptr<ShapeMar> load_model(const ParityCase& fixture) {
  const auto& config = fixture.config;
  int64_t width = 0, buffer = 0, low_tokens = 0;
  config.at("vae_embed_dim").read(width, at_least(1));
  config.at("buffer_size").read(buffer, at_least(1));
  if (config.has("n_low")) config.at("n_low").read(low_tokens, at_least(0));
  auto model = std::make_shared<ShapeMar>(mar_options(config), width, buffer, low_tokens);
  fixture.load(*model, fixture.weights());
  return model;
}

/// The buffer's rows; of MAR-HR after the augmentation of the low-resolution tokens, which is checked.
at::Tensor condition_of(const ParityCase& fixture, const ShapeMar& model, ParityReport& report) {
  if (!fixture.has_input("low_res")) return fixture.input("cond");
  const auto& low = fixture.input("low_res");
  at::Tensor share;
  double fixed = 0.0;
  if (fixture.has_input("aug_t")) {
    share = fixture.input("aug_t");
  } else {
    fixture.config.at("cond_aug_infer").read(fixed, between(0, 1));
    share = at::full({1}, fixed, low.options());
  }
  const auto shown = augmented(low, fixture.input("aug_eps"), share);
  const auto condition = model.condition(fixture.input("image_tokens"), shown);
  report.check("low_res_aug", shown);
  report.check("cond", condition);
  return condition;
}

/// The random inputs of a training step; `step` < 0: those of a case with one step.
nn::MaskedRandomInputs random_inputs_of(const ParityCase& fixture, int64_t length, int64_t step = -1) {
  const auto input = [&](const char* name) {
    return step < 0 ? fixture.input(name) : fixture.input(name)[step];
  };
  const double rate = fixture.input("mask_rate")[std::max<int64_t>(step, 0)].item<double>();
  nn::MaskedRandomInputs random_inputs;
  random_inputs.orders = input("orders");
  random_inputs.masked = static_cast<int64_t>(std::ceil(static_cast<double>(length) * rate));
  random_inputs.label_drop = input("label_drop_u");
  random_inputs.t = input("t");
  random_inputs.noise = input("noise");
  return random_inputs;
}

void replay_loss(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_model(fixture);
  model->train();
  const auto tokens = fixture.input("latents");
  const auto random_inputs = random_inputs_of(fixture, model->layout().tokens);
  const auto visible = nn::keep_all_but_first(random_inputs.orders, random_inputs.masked);
  report.check("mask", visible.masked().to(at::kFloat));
  // Twice: inference takes other kernels than training, and both must agree with the case.
  for (const bool training : {false, true}) {
    const torch::AutoGradMode mode(training);
    const auto seen = model->dropped(condition_of(fixture, *model, report), random_inputs.label_drop);
    const auto trace = model->trace(tokens, seen, random_inputs);
    report.check("enc_block0", trace.first_encoder_block);
    report.check("enc", trace.encoded);
    report.check("dec_block0", trace.first_decoder_block);
    report.check("z", trace.z);
    report.check("x_t", trace.rows.x_t);
    report.check("model_output", trace.rows.model_output);
    report.check("mse", trace.rows.errors.mse);
    report.check("vb", trace.rows.errors.vb);
  }
  const auto loss = model->loss(tokens, condition_of(fixture, *model, report), random_inputs);
  const auto total = loss.mse + loss.vb;
  report.check("loss", total.view({1}));
  total.backward();
  report.check("grad_norm", runtime::gradient_norms(*model, runtime::listed_names(fixture, "param_order")));
}

/// The noise rows of each step of a recorded sampling.
class RecordedNoise : public nn::MaskedNoise {
 public:
  explicit RecordedNoise(const ParityCase& fixture) : fixture_(fixture) {}

  /// As many rows are followed as were recorded: both halves of a guided pass.
  nn::DiffusionRandomInputs random_inputs(const nn::MaskedPlaces& places, int64_t) override {
    const auto start = fixture_.input(fmt::format("step{}_init_noise", places.step));
    const auto noise = fixture_.input(fmt::format("step{}_noise", places.step));
    const int64_t halves = noise.size(1) / start.size(0);
    return {[start, halves] {
              return start.repeat({halves, 1});
            },
            [noise](int64_t index) { return noise[noise.size(0) - 1 - index]; }};
  }

 private:
  const ParityCase& fixture_;
};

void check_tables(const ParityCase& fixture, const nn::DiffusionSchedule& schedule, ParityReport& report) {
  const auto compare = [&](const char* name, const std::vector<double>& values) {
    if (fixture.io.contains(name)) report.check(name, at::tensor(values, at::kDouble));
  };
  if (fixture.io.contains("timestep_map")) report.check("timestep_map", schedule.timestep_map());
  compare("betas", schedule.betas);
  compare("alphas_cumprod", schedule.alphas_cumprod);
  compare("posterior_log_variance_clipped", schedule.posterior_log_variance_clipped);
  compare("posterior_mean_coef1", schedule.posterior_mean_coef1);
  compare("posterior_mean_coef2", schedule.posterior_mean_coef2);
}

void replay_sampling(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  nn::MaskedSampling sampling;
  config.at("num_iter").read(sampling.num_iter, at_least(1));
  config.at("cfg").read(sampling.cfg, {});
  sampling.linear_cfg = config.text("cfg_schedule") == "linear";
  config.at("temperature").read(sampling.temperature, {});
  sampling.num_sampling_steps = denoising_steps(config);
  const int64_t halves = sampling.cfg != 1.0 ? 2 : 1;
  const torch::NoGradGuard no_grad;
  // As loaded, and once more as a generation uses it.
  for (const bool packed : {false, true}) {
    const auto model = load_model(fixture);
    model->eval();
    nn::MaskedRequest request;
    request.condition = condition_of(fixture, *model, report);
    if (packed) kernels::pack_for_inference(*model);
    request.orders = fixture.input("orders");
    request.observer = [&](const nn::MaskedStep& step) {
      const auto name = fmt::format("step{}_", step.step);
      report.check(name + "mask", step.masked.to(at::kFloat).repeat({halves, 1}));
      report.check(name + "z", step.z);
      report.check(name + "cfg", at::tensor({step.cfg}, at::kDouble));
      report.check(name + "out", step.sampled);
    };
    RecordedNoise noise(fixture);
    report.check("tokens", nn::sample_masked_tokens(*model, request, sampling, noise));
  }
  check_tables(fixture, nn::DiffusionSchedule(sampling.num_sampling_steps), report);
}

void replay_training(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_model(fixture);
  model->train();
  const auto names = runtime::listed_names(fixture, "param_order");
  auto training = recorded_training(fixture, *model);
  training.loss = [&](int64_t step) -> runtime::Losses {
    const auto loss = model->loss(fixture.input("latents"), fixture.input("cond"),
                                  random_inputs_of(fixture, model->layout().tokens, step));
    return {loss.mse + loss.vb};
  };
  training.after_step = [&](int64_t step, const runtime::Losses&) {
    const auto name = fmt::format("grad_norm_step{}", step);
    if (fixture.io.contains(name)) report.check(name, runtime::gradient_norms(*model, names));
  };
  const auto log = runtime::replay_training(training);
  report.check("loss", at::tensor(log.losses, at::kDouble));
  report.check("lr", at::tensor(log.learning_rates, at::kDouble));
  report.check("final_norm", runtime::weight_norms(*model, names));
}

}  // namespace

void replay_mar(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("optimizer")) return replay_training(fixture, report);
  if (fixture.config.has("num_iter")) return replay_sampling(fixture, report);
  replay_loss(fixture, report);
}

}  // namespace arzoo::shape3d
