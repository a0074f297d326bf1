#include <torch/torch.h>

#include "image/fixture.h"
#include "image/himar_sampling.h"
#include "image/latent_tokens.h"
#include "image/recorded_steps.h"

namespace arzoo::image {
namespace {

using Phase = HiMar::Phase;
using runtime::ParityCase;
using runtime::ParityReport;

/// The epsilon of "LayerNorm(eps=1e-6)".
double norm_eps_of(const Config& config) {
  constexpr std::string_view kBefore = "LayerNorm(eps=";
  constexpr double kOfTorch = 1e-5;
  if (!config.has("norm_layer")) return kOfTorch;
  const auto text = config.text("norm_layer");
  if (text == "LayerNorm") return kOfTorch;
  char* end = nullptr;
  const double eps = text.starts_with(kBefore) ? std::strtod(text.c_str() + kBefore.size(), &end) : 0.0;
  if (end == nullptr || std::string_view(end) != ")" || !(eps > 0.0))
    config.at("norm_layer")
        .reject(fmt::format("expected \"LayerNorm\" or \"LayerNorm(eps=E)\", got \"{}\"", text));
  return eps;
}

HiMarOptions official_himar_options(const Config& config) {
  const auto options = options_with_kl_vae<HiMarOptions>(config);
  // What follows from the others.
  const auto expect = [&](const char* key, int64_t expected) {
    if (!config.has(key) || config.json().at(key).is_null()) return;
    int64_t given = 0;
    config.at(key).read(given, at_least(1));
    if (given != expected)
      config.at(key).reject(
          fmt::format("expected {}, as follows from the other options, got {}", expected, given));
  };
  expect("cond_dim", options.vae.embed_dim);
  expect("seq_len", options.tokens());
  return options;
}

std::shared_ptr<HiMar> load_himar(const ParityCase& fixture) {
  auto model = std::make_shared<HiMar>(official_himar_options(fixture.config), norm_eps_of(fixture.config));
  fixture.load(*model, fixture.weights());
  return model;
}

/// The random inputs of a training step; `step` < 0: those of a case with one step.
HiMarRandomInputs random_inputs_of(const ParityCase& fixture, const HiMarOptions& options,
                                   int64_t step = -1) {
  const auto input = [&](const char* name) {
    return step < 0 ? fixture.input(name) : fixture.input(name)[step];
  };
  const int64_t pivots = options.pivots(), tokens = options.tokens();
  HiMarRandomInputs random_inputs;
  random_inputs.pivot_orders = input("orders").narrow(1, 0, pivots);
  random_inputs.orders = input("orders").narrow(1, pivots, tokens) - pivots;
  random_inputs.masked_pivots = input("mask1")[0].narrow(0, 0, pivots).sum().item<int64_t>();
  random_inputs.masked = input("mask2")[0].sum().item<int64_t>();
  random_inputs.pivot_label_drop = input("label_drop1");
  random_inputs.label_drop = input("label_drop2");
  random_inputs.pivot_drop = input("pivot_u");
  random_inputs.pivot_t = input("t1");
  random_inputs.pivot_noise = input("noise1");
  random_inputs.t = input("t2");
  random_inputs.noise = tokens_of_grid(input("noise2"));
  return random_inputs;
}

/// The state of one phase in a training pass, as the official one has it: of all places, masked or not.
struct PhaseTrace {
  at::Tensor first_encoder_block, encoded, first_decoder_block, z;
};
PhaseTrace trace_of(const HiMar& model, Phase phase, const at::Tensor& rows, const nn::VisibleTokens& visible,
                    const at::Tensor& condition) {
  const auto task = static_cast<int64_t>(phase);
  const auto first_block = [&](const nn::TaskStack& stack, const at::Tensor& x) {
    const auto& block = *stack.blocks().front();
    return block.forward(x, block.modulation(stack.ada(task), task));
  };
  PhaseTrace trace;
  trace.encoded = model.encode(phase, rows, visible, condition);
  trace.first_encoder_block =
      first_block(model.encoder(), model.encoder_input(phase, rows, visible, condition));
  trace.first_decoder_block =
      first_block(model.decoder(), model.decoder_input(phase, trace.encoded, visible));
  trace.z = model.decode(phase, trace.encoded, visible);
  return trace;
}

void check_phase(const PhaseTrace& trace, const std::string& prefix, const at::Tensor& z,
                 ParityReport& report) {
  report.check(prefix + "enc_block0", trace.first_encoder_block);
  report.check(prefix + "enc_out", trace.encoded);
  report.check(prefix + "dec_block0", trace.first_decoder_block);
  report.check(prefix + "z", z);
}

/// What both phases of a training pass go through.
void check_passes(const ParityCase& fixture, const HiMar& model, int64_t epoch, ParityReport& report) {
  const auto& options = model.options();
  const int64_t pivots = options.pivots(), tokens = options.tokens(), copies = options.diffusion_batch_mul;
  const auto random_inputs = random_inputs_of(fixture, options);
  const auto condition = model.condition(fixture.input("labels"));
  const auto small = tokens_of_grid(fixture.input("cond")), latents = tokens_of_grid(fixture.input("imgs"));
  const auto seen = model.visible_pivots(random_inputs.pivot_orders, random_inputs.masked_pivots);
  const auto known = nn::visible_tokens(small, {seen.index, pivots});
  const auto first = trace_of(model, Phase::pivots, model.pivot_rows(known), seen,
                              model.dropped(condition, random_inputs.pivot_label_drop));
  const auto pivot_z = first.z.narrow(1, 0, pivots);
  check_phase(first, "p1_", pivot_z, report);
  const auto rows_of = [&](const at::Tensor& x) { return x.flatten(0, 1).repeat({copies, 1}); };
  report.check("p1_model_output",
               model.diffloss()
                   .rows(rows_of(small), rows_of(pivot_z), random_inputs.pivot_t, random_inputs.pivot_noise)
                   .model_output);

  const auto index =
      std::get<0>(random_inputs.pivot_orders.narrow(1, 0, random_inputs.masked_pivots).sort(1));
  const auto rows = model.training_rows(model.condition_rows(nn::tokens_at(pivot_z, index).detach(), index),
                                        random_inputs.pivot_drop, epoch);
  const auto visible = nn::keep_all_but_first(random_inputs.orders, random_inputs.masked);
  report.check_value("mask2", nn::with_prefix(visible, pivots).masked().to(at::kFloat),
                     fixture.input("mask2"), fixture.tolerance);
  const auto second = trace_of(
      model, Phase::dense, at::cat({rows, model.dense_rows(nn::visible_tokens(latents, visible))}, 1),
      nn::with_prefix(visible, pivots), model.dropped(condition, random_inputs.label_drop));
  const auto z = second.z.narrow(1, pivots, tokens);
  check_phase(second, "p2_", z, report);
  const auto& net = model.cond_diffloss().net();
  const auto grids = latents.repeat({copies, 1, 1}), conditions = z.repeat({copies, 1, 1});
  const nn::DiffusionSchedule schedule;
  const auto x_t =
      schedule.noised(grids.flatten(1), random_inputs.t, random_inputs.noise.flatten(1)).view(grids.sizes());
  const auto opened = at::silu(net.times(random_inputs.t).unsqueeze(1) + net.condition(conditions));
  report.check("p2_dit_block0", net.blocks().front()->forward(net.embedded(x_t), opened));
  const auto output = at::GradMode::is_enabled() ? net.forward(x_t, random_inputs.t, conditions)
                                                 : net.estimate(x_t, net.times(random_inputs.t).unsqueeze(1),
                                                                net.condition(conditions));
  report.check("p2_model_output", grid_of_tokens(output, options.side()));
}

int64_t epoch_of(const ParityCase& fixture) {
  int64_t epoch = 0;
  fixture.config.at("epoch").read(epoch, at_least(0));
  return epoch;
}

void replay_himar_loss(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_himar(fixture);
  model->train();
  const int64_t epoch = epoch_of(fixture);
  report.check("enc_ada", at::cat({model->encoder().ada(0), model->encoder().ada(1)}).squeeze(1));
  // Twice: inference takes other kernels than training, and both must agree with the case.
  for (const bool training : {false, true}) {
    const torch::AutoGradMode mode(training);
    check_passes(fixture, *model, epoch, report);
  }
  const auto loss = model->loss(tokens_of_grid(fixture.input("cond")), tokens_of_grid(fixture.input("imgs")),
                                model->condition(fixture.input("labels")), epoch,
                                random_inputs_of(fixture, model->options()));
  const auto total = model->total(loss);
  report.check("loss1", loss.pivots.view({1}));
  report.check("loss2", loss.dense.view({1}));
  report.check("loss", total.view({1}));
  total.backward();
  report.check("grad_norms", listed_gradient_norms(fixture, *model));
  check_recorded_gradients(fixture, *model, report);
}

/// The numbers of a recorded sampling, iteration after iteration. As many rows are followed as were recorded:
/// both halves of a guided pass.
class RecordedHiMarNoise : public HiMarNoise {
 public:
  explicit RecordedHiMarNoise(const ParityCase& fixture)
      : pivot_start_(fixture.input("init_noise1")),
        pivot_steps_(fixture.input("step_noise1")),
        start_(tokens_of_grid(fixture.input("init_noise2"))),
        steps_(tokens_of_grid(fixture.input("step_noise2"))) {}

  nn::DiffusionRandomInputs pivots(const nn::MaskedPlaces& places, int64_t) override {
    const int64_t rows = places.rows(), halves = pivot_steps_.size(0) / pivot_start_.size(0);
    const auto start = pivot_start_.narrow(0, first_, rows).repeat({halves, 1});
    const auto noise = pivot_steps_.narrow(0, first_ * halves, rows * halves);
    first_ += rows;
    return {[start] { return start; },
            [noise](int64_t index) { return noise.select(1, noise.size(1) - 1 - index); }};
  }
  nn::DiffusionRandomInputs dense(int64_t step, int64_t, int64_t) override {
    const auto noise = steps_[step];  // [steps, rows, L, C]
    const auto start = start_[step].repeat({noise.size(1) / start_.size(1), 1, 1});
    return {[start] { return start; }, [noise](int64_t index) { return noise[noise.size(0) - 1 - index]; }};
  }

 private:
  at::Tensor pivot_start_, pivot_steps_, start_, steps_;
  int64_t first_ = 0;
};

HiMarSampling recorded_sampling(const Config& config, const HiMarOptions& options) {
  HiMarSampling sampling;
  sampling.pivot_steps = 4 * options.cond_scale;
  config.at("num_iter").read(sampling.steps, at_least(1));
  config.at("cfg").read(sampling.cfg, {});
  config.at("re_cfg").read(sampling.pivot_cfg, {});
  std::string schedule;
  config.at("cfg_schedule").read(schedule, one_of({"linear", "constant"}));
  sampling.linear_cfg = schedule == "linear";
  config.at("temperature").read(sampling.temperature, {});
  sampling.pivot_sampling_steps = diffusion_steps(config, config.text("num_sampling_steps"));
  sampling.sampling_steps = diffusion_steps(config, config.text("phase2_sampling_steps"));
  return sampling;
}

/// Keeps what each step of one phase showed.
struct PhaseRecord {
  std::vector<at::Tensor> masks, z, sampled;
  std::vector<double> guidance;
  std::vector<int64_t> rows;

  void add(const HiMarStep& step) {
    masks.push_back(step.masked.to(at::kFloat));
    guidance.push_back(step.cfg);
    rows.push_back(step.z.defined() ? step.z.size(0) : 0);
    if (!step.z.defined()) return;
    z.push_back(step.z);
    sampled.push_back(step.sampled);
  }
  /// Masks of all places, of which the others, `count` of them, are `value`.
  at::Tensor all_masks(bool others_first, int64_t count, double value) const {
    const auto own = at::stack(masks);
    const auto others = at::full({own.size(0), own.size(1), count}, value, own.options());
    return others_first ? at::cat({others, own}, 2) : at::cat({own, others}, 2);
  }
};

void replay_himar_sampling(const ParityCase& fixture, ParityReport& report) {
  // As loaded, and once more as a generation uses it.
  for (const bool packed : {false, true}) {
    const auto model = load_himar(fixture);
    const auto& options = model->options();
    model->eval();
    if (packed) {
      kernels::pack_for_inference(*model);
      model->prepare();
    }
    const torch::NoGradGuard no_grad;
    PhaseRecord first, second;
    at::Tensor encoded;
    HiMarRequest request;
    request.condition = model->condition(fixture.input("labels"));
    request.pivot_orders = fixture.input("orders").narrow(1, 0, options.pivots());
    request.orders = fixture.input("orders").narrow(1, options.pivots(), options.tokens()) - options.pivots();
    request.observer = [&](const HiMarStep& step) {
      (step.phase == Phase::pivots ? first : second).add(step);
      if (step.phase == Phase::dense) encoded = step.encoded;
    };
    RecordedHiMarNoise noise(fixture);
    const auto tokens =
        sample_himar_tokens(*model, request, recorded_sampling(fixture.config, options), noise);
    report.check("num_pred1", at::tensor(first.rows, at::kLong));
    report.check("cfg_iter1", at::tensor(first.guidance, at::kDouble));
    report.check("cfg_iter2", at::tensor(second.guidance, at::kDouble));
    report.check("masks1", first.all_masks(/*others_first=*/false, options.tokens(), 1.0));
    report.check("masks2", second.all_masks(/*others_first=*/true, options.pivots(), 0.0));
    report.check("z_pred1", at::cat(first.z));
    report.check("sampled1", at::cat(first.sampled));
    report.check("small_z", tokens.z);
    report.check("z2", grid_of_tokens(at::stack(second.z), options.side()));
    report.check("sampled2", grid_of_tokens(at::stack(second.sampled), options.side()));
    report.check("enc_out2_last", encoded);
    report.check("small_latent", grid_of_tokens(tokens.pivots, options.cond_scale));
    report.check("latent", grid_of_tokens(tokens.tokens, options.side()));
  }
}

void replay_himar_training(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_himar(fixture);
  model->train();
  const auto small = tokens_of_grid(fixture.input("cond")), latents = tokens_of_grid(fixture.input("imgs"));
  std::vector<double> of_pivots, dense;
  const auto loss_of = [&](int64_t step) {
    const auto loss = model->loss(small, latents, model->condition(fixture.input("labels")),
                                  epoch_of(fixture), random_inputs_of(fixture, model->options(), step));
    of_pivots.push_back(loss.pivots.item<double>());
    dense.push_back(loss.dense.item<double>());
    return model->total(loss);
  };
  replay_steps(fixture, *model, no_weight_decay_himar_names(), loss_of, report);
  report.check("loss1", at::tensor(of_pivots, at::kDouble));
  report.check("loss2", at::tensor(dense, at::kDouble));
  check_recorded_weights(fixture, *model, report);
}

}  // namespace

void replay_himar(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("optimizer")) return replay_himar_training(fixture, report);
  if (fixture.config.has("num_iter")) return replay_himar_sampling(fixture, report);
  replay_himar_loss(fixture, report);
}

}  // namespace arzoo::image
