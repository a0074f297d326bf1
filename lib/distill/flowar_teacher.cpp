#include "distill/flowar_teacher.h"

#include <torch/torch.h>

namespace arzoo::distill {

FlowArTeacher::FlowArTeacher(const Config& config, const runtime::Compute& compute)
    : LatentTeacher(config, image::FlowArOptions::kName) {
  const auto options = open<image::FlowArOptions>(config, compute);
  const auto data = config.at("data").as<DataOptions>();
  sampling_ = image::flow_sampling({}, folder_.sampling);
  sampling_.cfg = data.cfg.value_or(sampling_.cfg);
  if (data.ode_steps < 2) config.at("data").at("ode_steps").reject("a flowar's flow takes at least 2 steps");
  model_ = std::make_shared<FlowArDiffusion>(options);
  model_->start_from(*image::load_flowar(options, weights()));
  make_constant(*model_, compute.device);
}

at::Tensor FlowArTeacher::guidance(const at::Tensor& t) const {
  const auto& grids = model_->grids();
  std::vector<at::Tensor> strengths;
  for (std::size_t k = 0; k < grids.size(); ++k) {
    const double place = static_cast<double>(k) / static_cast<double>(grids.size() - 1);
    strengths.push_back(at::full({grids[k].tokens(), 1}, 1.0 + (sampling_.cfg - 1.0) * place));
  }
  const auto all = at::cat(strengths).to(t.options().requires_grad(false));
  const auto strength = all.narrow(0, all.size(0) - t.size(1), t.size(1));
  const auto guided = t.ge(sampling_.guidance_low).logical_and(t.le(sampling_.guidance_high));
  return at::where(guided, strength, at::ones({}, strength.options()));
}

TeacherMean FlowArTeacher::mean(const at::Tensor& labels, const at::Tensor& tokens) const {
  at::Tensor states;
  {
    const torch::NoGradGuard constant;
    states = model_->states(at::cat({labels, at::full_like(labels, model_->null_class())}),
                            tokens.repeat({2, 1, 1}));
  }
  return [this, states](const at::Tensor& q_t, const at::Tensor& t) {
    const auto own = states.narrow(1, states.size(1) - q_t.size(1), q_t.size(1));
    const auto both = model_->velocity(q_t.repeat({2, 1, 1}), t.repeat({2, 1, 1}), own).chunk(2, 0);
    return q_t - t * (both[1] + (both[0] - both[1]) * guidance(t));
  };
}

at::Tensor FlowArTeacher::ends(const at::Tensor& labels, const at::Tensor& noise, int64_t ode_steps) const {
  const auto of_scale = [&](std::size_t k) {
    return noise.narrow(1, image::tokens_of(model_->grids(), k), model_->grids()[k].tokens()) *
           sampling_.temperature;
  };
  auto sampling = sampling_;
  sampling.num_steps = ode_steps;
  std::vector<at::Tensor> tokens;
  image::FlowObserver observer;
  observer.on_scale = [&](std::size_t, const at::Tensor&, const at::Tensor& sampled) {
    tokens.push_back(sampled.narrow(0, 0, labels.size(0)));
  };
  image::sample_latents(*model_, labels, sampling, of_scale, observer);
  return at::cat(tokens, 1);
}

Json FlowArTeacher::identity() const {
  const auto weights = sums_of(*model_);
  return {{"weights", {weights.first, weights.second}},
          {"cfg", sampling_.cfg},
          {"guidance", sampling_.guidance_high},
          {"solver", sampling_.solver},
          {"temperature", sampling_.temperature}};
}

}  // namespace arzoo::distill
