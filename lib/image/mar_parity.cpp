#include <torch/torch.h>

#include "image/fixture.h"
#include "image/latent_tokens.h"
#include "image/mar_model.h"
#include "image/recorded_steps.h"
#include "nn/masked_sampler.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::shared_ptr<Mar> load_mar(const ParityCase& fixture) {
  auto model = std::make_shared<Mar>(options_with_kl_vae<MarOptions>(fixture.config));
  fixture.load(*model, fixture.weights());
  return model;
}

/// The random inputs of a training step; `step` < 0: those of a case with one step.
nn::MaskedRandomInputs random_inputs_of(const ParityCase& fixture, int64_t step = -1) {
  const auto input = [&](const char* name) {
    return step < 0 ? fixture.input(name) : fixture.input(name)[step];
  };
  return {.orders = input("orders"),
          .masked = input("mask")[0].sum().item<int64_t>(),
          .label_drop = input("label_drop_rand"),
          .t = input("t"),
          .noise = input("noise")};
}

/// The head's first block, of the rows of a pass.
void check_head(const ParityCase& fixture, const Mar& model, const nn::MaskedGenerator::Trace& trace,
                ParityReport& report) {
  const auto& net = model.diffloss().net();
  const auto time = net.time_embed().forward(fixture.input("t"));
  report.check("t_embed", time);
  const auto z = trace.z.flatten(0, 1).repeat({model.diffusion_batch_mul(), 1});
  const auto start = part<nn::LinearLayer>(net, "input_proj")->forward(trace.rows.x_t);
  report.check("net_block0", part<nn::DiffusionHeadBlock>(net, "res_blocks.0")
                                 ->forward(start, at::silu(time + net.cond_embed().forward(z))));
}

void replay_mar_loss(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_mar(fixture);
  model->train();
  const auto tokens = patchified(fixture.input("imgs"), model->options().patch_size);
  report.check("tokens", tokens);
  const auto random_inputs = random_inputs_of(fixture);
  const auto visible = nn::keep_all_but_first(random_inputs.orders, random_inputs.masked);
  report.check_value("mask", visible.masked().to(at::kFloat), fixture.input("mask"), fixture.tolerance);
  const auto condition = model->condition(fixture.input("labels"));
  const auto seen = model->dropped(condition, random_inputs.label_drop);
  // Twice: inference takes other kernels than training, and both must agree with the case.
  for (const bool training : {false, true}) {
    const torch::AutoGradMode mode(training);
    const auto trace = model->trace(tokens, seen, random_inputs);
    report.check("enc_block0", trace.first_encoder_block);
    report.check("enc_out", trace.encoded);
    report.check("dec_block0", trace.first_decoder_block);
    report.check("z", trace.z);
    check_head(fixture, *model, trace, report);
    report.check("model_output", trace.rows.model_output);
    report.check("mse", trace.rows.errors.mse);
    report.check("vb", trace.rows.errors.vb);
    report.check("loss_per_row", trace.rows.errors.mse + trace.rows.errors.vb);
  }
  const auto loss = model->loss(tokens, condition, random_inputs);
  const auto total = loss.mse + loss.vb;
  report.check("loss", total.view({1}));
  total.backward();
  report.check("grad_norms", listed_gradient_norms(fixture, *model));
}

/// The rows of a recorded sampling, iteration after iteration.
class RecordedNoise : public nn::MaskedNoise {
 public:
  explicit RecordedNoise(const ParityCase& fixture)
      : start_(fixture.input("init_noise")), steps_(fixture.input("step_noise")) {}

  /// As many rows are followed as were recorded: both halves of a guided pass.
  nn::DiffusionRandomInputs random_inputs(const nn::MaskedPlaces& places, int64_t) override {
    const int64_t rows = places.rows(), halves = steps_.size(0) / start_.size(0);
    const auto start = start_.narrow(0, first_, rows).repeat({halves, 1});
    const auto noise = steps_.narrow(0, first_ * halves, rows * halves);
    first_ += rows;
    return {[start] { return start; },
            [noise](int64_t index) { return noise.select(1, noise.size(1) - 1 - index); }};
  }

 private:
  at::Tensor start_, steps_;
  int64_t first_ = 0;
};

void replay_mar_sampling(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  nn::MaskedSampling sampling;
  config.at("num_iter").read(sampling.num_iter, at_least(1));
  config.at("cfg").read(sampling.cfg, {});
  sampling.linear_cfg = config.text("cfg_schedule") == "linear";
  config.at("temperature").read(sampling.temperature, {});
  sampling.num_sampling_steps = diffusion_steps(config, config.text("num_sampling_steps"));
  // As loaded, and once more as a generation uses it.
  for (const bool packed : {false, true}) {
    const auto model = load_mar(fixture);
    model->eval();
    if (packed) kernels::pack_for_inference(*model);
    std::vector<at::Tensor> masks, z, sampled;
    std::vector<double> guidance;
    std::vector<int64_t> rows;
    at::Tensor encoded;
    const torch::NoGradGuard no_grad;
    const nn::MaskedRequest request{.condition = model->condition(fixture.input("labels")),
                                    .orders = fixture.input("orders"),
                                    .known = {},
                                    .masked = -1,
                                    .observer = [&](const nn::MaskedStep& step) {
                                      masks.push_back(step.masked.to(at::kFloat));
                                      z.push_back(step.z);
                                      sampled.push_back(step.sampled);
                                      guidance.push_back(step.cfg);
                                      rows.push_back(step.z.size(0));
                                      encoded = step.encoded;
                                    }};
    RecordedNoise noise(fixture);
    const auto tokens = nn::sample_masked_tokens(*model, request, sampling, noise);
    report.check("num_pred", at::tensor(rows, at::kLong));
    report.check("cfg_iter", at::tensor(guidance, at::kDouble));
    report.check("masks", at::stack(masks));
    report.check("z_pred", at::cat(z));
    report.check("sampled", at::cat(sampled));
    report.check("enc_out_last", encoded);
    report.check("latent", unpatchified(tokens, model->options().side(), model->options().patch_size));
  }
}

void replay_mar_training(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_mar(fixture);
  model->train();
  const auto tokens = patchified(fixture.input("imgs"), model->options().patch_size);
  const auto loss_of = [&](int64_t step) {
    const auto condition = model->condition(fixture.input("labels"));
    const auto loss = model->loss(tokens, condition, random_inputs_of(fixture, step));
    return loss.mse + loss.vb;
  };
  replay_steps(fixture, *model, no_weight_decay_mar_names(), loss_of, report);
}

}  // namespace

void replay_mar(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("optimizer")) return replay_mar_training(fixture, report);
  if (fixture.config.has("num_iter")) return replay_mar_sampling(fixture, report);
  replay_mar_loss(fixture, report);
}

}  // namespace arzoo::image
