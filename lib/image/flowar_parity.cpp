#include <torch/torch.h>

#include "image/fixture.h"
#include "image/flowar_sampler.h"
#include "image/recorded_steps.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::shared_ptr<FlowAr> load_flowar(const ParityCase& fixture) {
  auto options = options_among<FlowArOptions>(fixture.config);
  fixture.config.at("vae_embed_dim").read(options.vae.embed_dim, at_least(1));
  auto model = std::make_shared<FlowAr>(options);
  fixture.load(*model, fixture.weights());
  return model;
}

const at::Tensor& traced(const runtime::Trace& trace, const std::string& name) {
  for (const auto& [key, value] : trace) {
    if (key == name) return value;
  }
  fail<CheckpointError>("nothing is traced as {}", name);
}

/// The velocities of all scales with the case's random inputs, and the first flow block of the finest.
void check_flow(const ParityCase& fixture, const FlowAr& model, const at::Tensor& z, ParityReport& report) {
  const auto targets = model.targets(fixture.input("imgs"));
  std::vector<at::Tensor> velocities, all;
  for (std::size_t k = 0; k < targets.size(); ++k) {
    const int64_t first = tokens_of(model.grids(), k), tokens = model.grids()[k].tokens();
    const auto noise = fixture.input("noise").narrow(1, first, tokens);
    const auto t = fixture.input("t").select(1, static_cast<int64_t>(k));
    const auto x = targets[k] * (1.0 - t).view({-1, 1, 1}) + noise * t.view({-1, 1, 1});
    const auto condition = model.flow().prepare(z.narrow(1, first, tokens), model.grids()[k].height);
    velocities.push_back(model.flow().forward(x, t, condition));
    if (k + 1 < targets.size()) continue;
    const auto time = model.flow().embedded_times(t).unsqueeze(1);
    const auto& block = *model.flow().blocks().front();
    const auto start = part<nn::LinearLayer>(model, "flownet.input_proj")->forward(x);
    report.check("flow_block0_last_scale",
                 block.forward(start, block.modulation(time, condition.embedded), condition, 0));
  }
  report.check("gt_latents", at::cat(targets, 1));
  report.check("v_pred", at::cat(velocities, 1));
}

void replay_flowar_loss(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_flowar(fixture);
  model->train();
  const FlowRandomInputs random_inputs{fixture.input("label_drop_rand"), fixture.input("t"),
                                       fixture.input("noise")};
  const auto targets = model->targets(fixture.input("imgs"));
  std::vector<at::Tensor> inputs;
  for (std::size_t k = 0; k + 1 < targets.size(); ++k) inputs.push_back(model->next_input(targets[k], k));
  runtime::Trace trace;
  const auto labels = model->dropped(fixture.input("labels"), random_inputs.label_drop);
  const auto z = model->forward(labels, at::cat(inputs, 1), &trace);
  for (const char* name : {"x_input_embed", "enc_block0", "enc_out", "dec_norm_out"})
    report.check(name, traced(trace, name));
  report.check("z", z);
  check_flow(fixture, *model, z, report);
  const auto errors = model->errors(fixture.input("imgs"), fixture.input("labels"), random_inputs);
  report.check("loss_per_sample", errors);
  const auto loss = model->loss(errors);
  report.check("loss", loss.view({1}));
  loss.backward();
  report.check("grad_norms", listed_gradient_norms(fixture, *model));
}

void replay_flowar_sampling(const ParityCase& fixture, ParityReport& report) {
  FlowSampling sampling;
  fixture.config.at("num_steps").read(sampling.num_steps, at_least(2));
  fixture.config.at("cfg").read(sampling.cfg, {});
  fixture.config.at("guidance").read(sampling.guidance_high, {});
  const auto times = flow_times(sampling.num_steps);
  const auto asked = at::tensor(at::ArrayRef<double>(times), at::kDouble).narrow(0, 0, times.size() - 1);
  report.check("timesteps", time_steps(asked).to(at::kLong));
  // As loaded, and once more as a generation uses it.
  for (const bool packed : {false, true}) {
    const auto model = load_flowar(fixture);
    model->eval();
    if (packed) kernels::pack_for_inference(*model);
    std::vector<at::Tensor> z, first, tokens;
    FlowObserver observer;
    observer.on_first = [&](const at::Tensor& velocity) { first.push_back(velocity); };
    observer.on_scale = [&](std::size_t, const at::Tensor& scale_z, const at::Tensor& sampled) {
      z.push_back(scale_z);
      tokens.push_back(sampled);
    };
    const FlowNoise noise = [&](std::size_t scale) {
      return fixture.input("noise").narrow(1, tokens_of(model->grids(), scale),
                                           model->grids()[scale].tokens());
    };
    runtime::Trace trace;
    const auto latent = sample_latents(*model, fixture.input("labels"), sampling, noise, observer, &trace);
    // A scale's blocks are traced one after another.
    const auto blocks =
        static_cast<std::size_t>(model->options().encoder_depth + model->options().decoder_depth);
    report.check("enc_block0_scale1", trace.at(blocks).second);
    report.check("z", at::cat(z, 1));
    report.check("v_first", at::cat(first, 1));
    report.check("tokens_raw", at::cat(tokens, 1));
    report.check("latent", latent);
  }
}

void replay_flowar_training(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_flowar(fixture);
  model->train();
  const auto loss_of = [&](int64_t step) {
    const FlowRandomInputs random_inputs{fixture.input("label_drop_rand")[step], fixture.input("t")[step],
                                         fixture.input("noise")[step]};
    return model->loss(model->errors(fixture.input("imgs"), fixture.input("labels"), random_inputs));
  };
  replay_steps(fixture, *model, no_weight_decay_flowar_names(), loss_of, report);
}

}  // namespace

void replay_flowar(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("optimizer")) return replay_flowar_training(fixture, report);
  if (fixture.config.has("num_steps")) return replay_flowar_sampling(fixture, report);
  replay_flowar_loss(fixture, report);
}

}  // namespace arzoo::image
