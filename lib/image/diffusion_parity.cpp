#include <torch/torch.h>

#include "image/fixture.h"
#include "image/kl_vae_model.h"
#include "nn/diffusion_head.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

void check_tables(const nn::DiffusionSchedule& schedule, const std::string& prefix, ParityReport& report) {
  const auto check = [&](const char* name, const std::vector<double>& table) {
    report.check(prefix + name, at::tensor(table, at::kDouble));
  };
  check("betas", schedule.betas);
  check("alphas_cumprod", schedule.alphas_cumprod);
  check("sqrt_alphas_cumprod", schedule.sqrt_alphas_cumprod);
  check("sqrt_one_minus_alphas_cumprod", schedule.sqrt_one_minus_alphas_cumprod);
  check("sqrt_recip_alphas_cumprod", schedule.sqrt_recip_alphas_cumprod);
  check("sqrt_recipm1_alphas_cumprod", schedule.sqrt_recipm1_alphas_cumprod);
  check("posterior_log_variance_clipped", schedule.posterior_log_variance_clipped);
  check("posterior_mean_coef1", schedule.posterior_mean_coef1);
  check("posterior_mean_coef2", schedule.posterior_mean_coef2);
  check("log_betas", schedule.log_betas);
  report.check(prefix + "timestep_map", schedule.timestep_map());
}

/// What the case shows of the inside: the blocks up to the first attention of each half.
void replay_attention(const ParityCase& fixture, KlVae& vae, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto& options = vae.options();
  const auto convolved = [&](const char* name, const at::Tensor& x) {
    return part<nn::Conv2d>(vae, name)->forward(x);
  };
  const auto blocks = [&](at::Tensor x, const std::string& level, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      x = part<nn::ResBlock>(vae, fmt::format("{}.block.{}", level, i))->forward(x);
    return x;
  };
  auto h = convolved("encoder.conv_in", fixture.input("img"));
  const auto last = options.ch_mult.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    const auto level = fmt::format("encoder.down.{}", i);
    h = part<nn::Downsample>(vae, level + ".downsample")->forward(blocks(h, level, options.num_res_blocks));
  }
  const auto coarsest = fmt::format("encoder.down.{}", last);
  report.check("enc_attn", part<nn::AttnBlock>(vae, coarsest + ".attn.0")->forward(blocks(h, coarsest, 1)));
  h = convolved("decoder.conv_in", convolved("post_quant_conv", fixture.input("z") / vae.latent_scale()));
  h = part<nn::ResBlock>(vae, "decoder.mid.block_1")->forward(h);
  h = part<nn::AttnBlock>(vae, "decoder.mid.attn_1")->forward(h);
  report.check("dec_mid_attn", h);
  h = part<nn::ResBlock>(vae, "decoder.mid.block_2")->forward(h);
  const auto first = fmt::format("decoder.up.{}", last);
  report.check(
      "dec_up",
      part<nn::Upsample>(vae, first + ".upsample")->forward(blocks(h, first, options.num_res_blocks + 1)));
}

}  // namespace

void replay_diffusion_tables(const ParityCase& fixture, ParityReport& report) {
  std::vector<std::string> respacings;
  fixture.config.at("respacings").read(respacings, {});
  for (const auto& respacing : respacings) {
    const int64_t steps = respacing.empty() ? nn::DiffusionSchedule::kDiffusionSteps
                                            : diffusion_steps(fixture.config, respacing);
    check_tables(nn::DiffusionSchedule(steps), respacing.empty() ? "train." : "gen" + respacing + ".",
                 report);
  }
  const nn::DiffusionSchedule schedule;
  const auto x_start = fixture.input("loss.x_start"), t = fixture.input("loss.t"),
             noise = fixture.input("loss.noise");
  const auto x_t = schedule.noised(x_start, t, noise);
  report.check("loss.x_t", x_t);
  const auto errors =
      schedule.errors(nn::NoiseEstimate::of(fixture.input("loss.model_output")), x_start, x_t, t, noise);
  report.check("loss.mse", errors.mse);
  report.check("loss.vb", errors.vb);
  report.check("loss.loss", errors.mse + errors.vb);
}

void replay_diffusion_head(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  nn::DiffusionHeadOptions options;
  config.at("target_channels").read(options.channels, at_least(1));
  config.at("z_channels").read(options.condition_width, at_least(1));
  config.at("depth").read(options.depth, at_least(1));
  config.at("width").read(options.width, at_least(1));
  double cfg = 1.0, temperature = 1.0;
  config.at("cfg").read(cfg, {});
  config.at("temperature").read(temperature, {});
  nn::DiffusionLoss loss(options);
  fixture.load(loss, fixture.weights());
  const nn::DiffusionSchedule schedule(diffusion_steps(config, config.text("num_sampling_steps")));
  const auto index = fixture.input("t_index");
  report.check("t_original", schedule.timestep_map().index_select(0, index.cpu()));
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> outputs, starts, means, variances, samples;
  for (int64_t i = 0; i < index.numel(); ++i) {
    const auto x = fixture.input("x")[i], z = fixture.input("z")[i];
    const int64_t rows = x.size(0), at = index[i].item<int64_t>();
    const auto t = schedule.timestep_map()[at].expand({rows}).to(x.device());
    const auto halves = x.narrow(0, 0, rows / 2).repeat({2, 1});
    outputs.push_back(nn::guided_estimate(loss.net().forward(halves, t, z), cfg, options.channels));
    const auto step = schedule.reverse(nn::NoiseEstimate::of(outputs.back()), x, at,
                                       fixture.input("noise")[i], temperature);
    starts.push_back(step.pred_xstart);
    means.push_back(step.mean);
    variances.push_back(step.log_variance);
    samples.push_back(step.sample);
  }
  report.check("model_out", at::stack(outputs));
  report.check("pred_xstart", at::stack(starts));
  report.check("mean", at::stack(means));
  report.check("log_variance", at::stack(variances));
  report.check("sample", at::stack(samples));
}

void replay_kl_vae(const ParityCase& fixture, ParityReport& report) {
  KlVae vae(options_among<KlVaeOptions>(fixture.config));
  fixture.load(vae, fixture.weights());
  const double scale = vae.latent_scale();
  // Twice: inference takes other kernels than training, and both must agree with the case.
  for (const bool training : {false, true}) {
    const torch::AutoGradMode mode(training);
    const auto moments = vae.moments(fixture.input("img"));
    const auto posterior = nn::DiagonalGaussian::of_moments(moments, 1);
    report.check("moments", moments);
    report.check("mean", posterior.mean);
    report.check("std", posterior.stddev());
    report.check("latent", posterior.sample(fixture.input("posterior_noise")) * scale);
    report.check("kl", posterior.kl().sum({1, 2, 3}));
    report.check("recon", vae.decode_unclamped(fixture.input("z") / scale));
  }
  replay_attention(fixture, vae, report);
}

}  // namespace arzoo::image
