#include <torch/torch.h>

#include "image/fixture.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// All of it, twice: inference takes other kernels than training, and both must agree with the case.
void replay_halves(const ParityCase& fixture, Vqvae& vae, ParityReport& report) {
  const auto images = fixture.input("img"), z = fixture.input("z");
  const auto start = part<nn::Conv2d>(vae, "encoder.conv_in")->forward(images);
  report.check("enc.conv_in", start);
  report.check("enc.down0.block0", part<nn::ResBlock>(vae, "encoder.down.0.block.0")->forward(start));
  report.check("enc.out", part<nn::ConvEncoder>(vae, "encoder")->forward(images));
  report.check("f", vae.features(images));
  const auto latent = part<nn::Conv2d>(vae, "post_quant_conv")->forward(z);
  const auto widened = part<nn::Conv2d>(vae, "decoder.conv_in")->forward(latent);
  report.check("dec.conv_in", widened);
  report.check("dec.mid", part<nn::ConvMiddle>(vae, "decoder.mid")->forward(widened));
  report.check("dec.raw", vae.decode_unclamped(z));
  report.check("fhat_to_img", vae.decode(z));
}

void replay_tokens(const ParityCase& fixture, Vqvae& vae, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto images = fixture.input("img");
  const auto grids = vae.grids();
  auto& quantizer = vae.quantizer();
  const auto code = quantizer.encode(vae.features(images), grids);
  report.check("idx_BL", at::cat(vae.tokens(images, grids), 1));
  report.check("f_hat_SBChw", at::stack(code.f_hat));
  report.check("var_input", quantizer.teacher_input(code.ids, grids));
  report.check("rec_last", vae.reconstruct(images, grids));
  std::vector<at::Tensor> per_scale;
  for (const auto& f_hat : quantizer.sums(code.ids, grids)) per_scale.push_back(vae.decode(f_hat));
  report.check("rec_per_scale", at::stack(per_scale));
  if (!fixture.has_input("img_rect")) return;
  const auto rectangle = fixture.input("img_rect");
  const auto rectangles = read_grids(fixture.config.at("rect_v_patch_nums"));
  report.check("idx_rect", at::cat(vae.tokens(rectangle, rectangles), 1));
  report.check("rec_rect", vae.reconstruct(rectangle, rectangles));
}

}  // namespace

Grids read_grids(const Config& sides) {
  Grids grids;
  for (const auto& side : sides.elements()) {
    std::vector<int64_t> size;
    side.read(size, nonempty(at_least(1)));
    grids.push_back({size.front(), size.back()});
  }
  return grids;
}

void replay_vqvae(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<VqvaeOptions>(fixture.config);
  const auto weights = fixture.weights();
  const auto vae = placed_vqvae(fixture, options, weights);
  for (const bool training : {false, true}) {
    const torch::AutoGradMode mode(training);
    replay_halves(fixture, *vae, report);
  }
  replay_tokens(fixture, *vae, report);
  const auto pass = vae->train_pass(fixture.input("img"));
  report.check("train.rec", pass.images);
  report.check("train.vq_loss", pass.quantizer_loss.view({1}));
  if (!fixture.io.contains("idx_BL_znorm")) return;
  options.using_znorm = true;
  const auto by_angle = placed_vqvae(fixture, options, weights);
  report.check("idx_BL_znorm", at::cat(by_angle->tokens(fixture.input("img"), by_angle->grids()), 1));
}

void replay_quantizer(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<VqvaeOptions>(fixture.config);
  fixture.config.at("Cvae").read(options.z_channels, at_least(1));
  for (const auto& [name, variant] : fixture.config.at("variants").members()) {
    variant.at("share_quant_resi").read(options.share_quant_resi, at_least(0));
    variant.at("quant_resi").read(options.quant_resi, {});
    variant.at("v_patch_nums").read(options.v_patch_nums, nonempty(at_least(1)));
    ResidualQuantizer quantizer(options);
    fixture.load(quantizer, weights_at(fixture, variant.text("weights")));
    const auto f = fixture.input(name + ".f");
    const auto grids = square_grids(options.v_patch_nums);
    const auto code = quantizer.encode(f, grids);
    report.check(name + ".idx_BL", at::cat(code.ids, 1));
    report.check(name + ".f_hat_SBChw", at::stack(code.f_hat));
    report.check(name + ".var_input", quantizer.teacher_input(code.ids, grids));
    report.check(name + ".vq_loss", quantizer.train_pass(f, grids).loss.view({1}));
    const auto scales = static_cast<int64_t>(grids.size());
    const int64_t phis = options.share_quant_resi == 0 ? scales : options.share_quant_resi;
    report.check(name + ".phi_index", at::tensor(phi_indices(scales, phis), at::kLong));
  }
  for (const char* schedule : {"official256", "official512", "official1024"}) {
    const auto name = std::string(schedule) + ".phi_index";
    const int64_t scales = fixture.io.at(name).numel();
    report.check(name, at::tensor(phi_indices(scales, VqvaeOptions().share_quant_resi), at::kLong));
  }
}

}  // namespace arzoo::image
