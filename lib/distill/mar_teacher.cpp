#include "distill/mar_teacher.h"

#include <torch/torch.h>

#include "image/mar_sampling.h"

namespace arzoo::distill {
namespace {

/// Noise [B, L, C] that is given for each place, and no random numbers after it.
class GivenNoise : public nn::MaskedNoise {
 public:
  explicit GivenNoise(at::Tensor noise) : noise_(std::move(noise)) {}

  nn::DiffusionRandomInputs random_inputs(const nn::MaskedPlaces& places, int64_t token_width) override {
    const auto index = places.index.unsqueeze(-1).expand({-1, -1, token_width});
    return {[rows = noise_.gather(1, index).flatten(0, 1)] { return rows; }};
  }

 private:
  at::Tensor noise_;
};

}  // namespace

MarTeacher::MarTeacher(const Config& config, const runtime::Compute& compute)
    : LatentTeacher(config, image::MarOptions::kName) {
  const auto options = open<image::MarOptions>(config, compute);
  const auto data = config.at("data").as<DataOptions>();
  sampling_ = image::mar_sampling({}, folder_.sampling);
  sampling_.cfg = data.cfg.value_or(sampling_.cfg);
  model_ = std::make_shared<MarDiffusion>(options);
  model_->start_from(*image::load_mar(options, weights()));
  make_constant(*model_, compute.device);
}

at::Tensor MarTeacher::ends(const at::Tensor& labels, const at::Tensor& noise, int64_t ode_steps) const {
  const torch::NoGradGuard no_grad;
  auto sampling = sampling_;
  sampling.num_sampling_steps = ode_steps;
  GivenNoise given(model_->placed(noise));
  const nn::MaskedRequest request{.condition = model_->condition(labels),
                                  .orders = model_->orders(labels.size(0)).to(labels.device()),
                                  .known = {},
                                  .masked = -1,
                                  .observer = nullptr};
  return model_->ordered(nn::sample_masked_tokens(*model_, request, sampling, given));
}

Json MarTeacher::identity() const {
  const auto weights = sums_of(*model_);
  return {{"weights", {weights.first, weights.second}},
          {"cfg", sampling_.cfg},
          {"cfg_schedule", sampling_.linear_cfg ? "linear" : "constant"},
          {"steps", sampling_.num_iter},
          {"temperature", sampling_.temperature},
          {"clip", sampling_.clip},
          {"denoising_solver", nn::name_of(sampling_.solver)}};
}

}  // namespace arzoo::distill
