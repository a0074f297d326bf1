#include <torch/torch.h>

#include "image/fixture.h"
#include "image/latent_tokens.h"
#include "nn/diffusion_transformer.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

nn::DiffusionTransformerOptions grid_head_options(const Config& config) {
  nn::DiffusionTransformerOptions options;
  config.at("grid").read(options.side, between(1, 4096));
  config.at("target_channels").read(options.channels, at_least(1));
  config.at("z_channels").read(options.condition_width, at_least(1));
  config.at("width").read(options.width, between(4, 1 << 20));
  config.at("depth").read(options.depth, between(1, 1024));
  config.at("head").read(options.heads, at_least(1));
  config.at("ratio").read(options.mlp_ratio, more_than(0));
  if (options.width % 4 != 0)
    config.at("width").reject(fmt::format("expected a multiple of 4, got {}", options.width));
  if (options.width % options.heads != 0)
    config.at("head").reject(
        fmt::format("width ({}) must be a multiple of it, got {}", options.width, options.heads));
  return options;
}

/// Steps of a sampling, from the noisiest: [steps, rows, C, h, w].
nn::DiffusionRandomInputs recorded_grid_noise(const at::Tensor& start, const at::Tensor& steps) {
  const auto first = tokens_of_grid(start).repeat({steps.size(1) / start.size(0), 1, 1});
  const auto noise = tokens_of_grid(steps);
  return {[first] { return first; }, [noise](int64_t index) { return noise[noise.size(0) - 1 - index]; }};
}

void check_grid_loss(const ParityCase& fixture, const nn::GridDiffusionLoss& head, ParityReport& report) {
  const auto mask = fixture.input("loss_mask").flatten(1);
  const auto loss =
      head.errors(tokens_of_grid(fixture.input("loss_target")), tokens_of_grid(fixture.input("z")), mask,
                  fixture.input("loss_t"), tokens_of_grid(fixture.input("loss_noise")))
          .mse;
  report.check("loss", loss.view({1}));
  loss.backward();
  report.check("grad_x_embedder", head.named_parameters()["net.x_embedder.proj.weight"].grad());
}

}  // namespace

void replay_grid_head(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  const auto options = grid_head_options(config);
  double cfg = 1.0, temperature = 1.0;
  config.at("cfg").read(cfg, {});
  config.at("temperature").read(temperature, {});
  // The case has the names that the head has in the model.
  torch::nn::Module holder;
  const auto placed_head =
      holder.register_module("cond_diffloss", std::make_shared<nn::GridDiffusionLoss>(options));
  fixture.load(holder, fixture.weights());
  const auto& head = *placed_head;
  const nn::DiffusionSchedule schedule(diffusion_steps(config, config.text("phase2_sampling_steps")));
  std::vector<double> variances;
  for (int64_t index = 0; index < schedule.steps(); ++index)
    variances.push_back(schedule.fixed_large_log_variance(index));
  report.check("gen_log_variance", at::tensor(variances, at::kDouble));
  report.check("gen_timestep_map", schedule.timestep_map());
  check_grid_loss(fixture, head, report);
  const torch::NoGradGuard no_grad;
  const auto& net = head.net();
  const auto x = tokens_of_grid(fixture.input("x")), z = tokens_of_grid(fixture.input("z"));
  const auto& t = fixture.input("t");
  const auto opened = at::silu(net.times(t).unsqueeze(1) + net.condition(z));
  report.check("block0", net.blocks().front()->forward(net.embedded(x), opened));
  report.check("model_output", grid_of_tokens(net.forward(x, t, z), options.side));
  report.check("model_output",
               grid_of_tokens(net.estimate(x, net.times(t).unsqueeze(1), net.condition(z)), options.side));
  const nn::KnownGrid known{tokens_of_grid(fixture.input("known_tokens")),
                            fixture.input("known_mask").flatten(1).eq(0.0)};
  const auto guided =
      head.sample(tokens_of_grid(fixture.input("z_cfg")), schedule, {.cfg = cfg, .temperature = temperature},
                  recorded_grid_noise(fixture.input("init_noise"), fixture.input("step_noise")), &known);
  report.check("sampled", grid_of_tokens(guided, options.side));
  // A call with the tokens' conditions alone leaves the official sampler's default temperature.
  const auto plain =
      head.sample(z, schedule, {},
                  recorded_grid_noise(fixture.input("init_noise_plain"), fixture.input("step_noise_plain")));
  report.check("sampled_plain", grid_of_tokens(plain, options.side));
}

}  // namespace arzoo::image
