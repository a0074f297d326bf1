#include "shape3d/shape_speed_work.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "core/zoo.h"
#include "kernels/packed_weights.h"
#include "nn/exponential_race.h"
#include "runtime/gemm_peak.h"
#include "shape3d/argus3d_generator.h"
#include "shape3d/g3pt_model.h"
#include "shape3d/latent_surface.h"
#include "shape3d/mar3d_model.h"
#include "shape3d/shape_vae_model.h"

namespace arzoo::shape3d {
namespace {

Config evaluation_of(const runtime::SpeedRequest& request) { return request.run.section("evaluation"); }

/// Random weights, as inference has them.
template <class Model>
void make_ready(Model& model, const runtime::Compute& compute) {
  model.set_type(compute.dtype);
  model.initialise();
  model.eval();
  model.to(compute.device);
  if (compute.device.is_cpu()) kernels::pack_for_inference(model);
}

/// The tokens of a few shapes of the first classes, of MAR-LR alone: MAR-HR does the same with more of them.
class TokenWork : public runtime::SpeedWork {
 public:
  TokenWork(const runtime::SpeedRequest& request, const runtime::Compute& compute)
      : compute_(compute),
        section_(request.run.json().at("model")),
        sampling_(evaluation_of(request).section("sampling").as<Mar3dGenerationOptions>()),
        model_(model_options<Mar3dOptions>(request.run.at("model"))) {
    model_.set_scale(at::tensor({-1.0, 1.0}));
    make_ready(model_, compute);
    const int64_t samples = request.batch_size;
    generation_.sampling = sampling_of(sampling_);
    generation_.seeds = item_seeds(0, 0, static_cast<std::size_t>(samples));
    generation_.low_only = true;
    generation_.given = GivenOfShape::of_classes(
        at::arange(samples, at::kLong).remainder_(model_.options().class_num).to(compute.device),
        model_.options());
  }

  void run() override {
    model_.sample(generation_);
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override {
    return {{"model", section_},
            {"shape",
             {{"steps", sampling_.steps},
              {"denoising_steps", sampling_.denoising_steps > 0 ? sampling_.denoising_steps
                                                                : model_.options().lr.num_sampling_steps},
              {"cfg", sampling_.cfg},
              {"cfg_schedule", sampling_.cfg_schedule}}}};
  }

 private:
  runtime::Compute compute_;
  Json section_;
  Mar3dGenerationOptions sampling_;
  Mar3d model_;
  Mar3d::Request generation_;
};

/// Occupancy at every point of a grid, chunk by chunk; what a refined grid costs is this times its share of
/// the points.
class FieldWork : public runtime::SpeedWork {
 public:
  FieldWork(const runtime::SpeedRequest& request, const runtime::Compute& compute)
      : section_(request.run.json().at("model")),
        resolution_(evaluation_of(request).as<EvaluationOptions>().resolution),
        vae_(model_options<ShapeVaeOptions>(request.run.at("model"))) {
    make_ready(vae_, compute);
    const auto& options = vae_.options();
    tokens_ = at::randn({1, options.num_latents, options.embed_dim}).to(compute.device);
  }

  void run() override {
    const torch::NoGradGuard no_grad;
    auto grid = cube_grid(resolution_, kFieldHalf);
    RefinementOptions every_point;
    every_point.dense = true;
    fill_grid(grid, latent_field(vae_, vae_.opened(tokens_)), every_point);
  }
  Json reference_request() const override {
    const auto& options = vae_.options();
    return {
        {"model", section_},
        {"shape",
         {{"resolution", resolution_}, {"tokens", options.num_latents}, {"channels", options.embed_dim}}}};
  }

 private:
  Json section_;
  int64_t resolution_;
  ShapeVae vae_;
  at::Tensor tokens_;
};

/// The tokens of a few shapes of the first classes.
class Argus3dWork : public runtime::SpeedWork {
 public:
  Argus3dWork(const runtime::SpeedRequest& request, const runtime::Compute& compute)
      : compute_(compute),
        section_(request.run.json().at("model")),
        sampling_(evaluation_of(request).section("sampling").as<Argus3dGenerationOptions>()),
        model_(model_options<Argus3dOptions>(request.run.at("model"))) {
    make_ready(model_, compute);
    seeds_ = item_seeds(0, 0, static_cast<std::size_t>(request.batch_size));
    labels_ =
        at::arange(request.batch_size, at::kLong).remainder_(model_.options().classes).to(compute.device);
  }

  void run() override {
    nn::ExponentialRace random_inputs(seeds_);
    argus3d_tokens(model_, labels_, decoding_rules(sampling_), random_inputs);
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override {
    return {{"model", section_},
            {"shape", {{"top_k", sampling_.top_k}, {"temperature", sampling_.temperature}}}};
  }

 private:
  runtime::Compute compute_;
  Json section_;
  Argus3dGenerationOptions sampling_;
  Argus3d model_;
  std::vector<uint64_t> seeds_;
  at::Tensor labels_;
};

/// A tokenizer that costs nothing.
class NoCoder : public ScaleCoder {
 public:
  explicit NoCoder(const G3ptOptions& options) : options_(options) {}
  const std::vector<int64_t>& scales() const override { return options_.scales; }
  int64_t input_width() const override { return options_.width; }
  at::Tensor empty_sum(int64_t batch) const override { return at::zeros({batch}); }
  at::Tensor with_scale(const at::Tensor& sum, const at::Tensor&, std::size_t) const override { return sum; }
  at::Tensor next_input(const at::Tensor& sum, std::size_t k) const override {
    return at::zeros({sum.size(0), options_.scales[k], options_.width});
  }

 private:
  G3ptOptions options_;
};

/// The tokens of a few shapes of the first classes, scale by scale.
class G3ptWork : public runtime::SpeedWork {
 public:
  G3ptWork(const runtime::SpeedRequest& request, const runtime::Compute& compute)
      : compute_(compute),
        section_(request.run.json().at("model")),
        sampling_(evaluation_of(request).section("sampling").as<G3ptGenerationOptions>()),
        model_(model_options<G3ptOptions>(request.run.at("model"))),
        coder_(model_.options()) {
    make_ready(model_, compute);
    seeds_ = item_seeds(0, 0, static_cast<std::size_t>(request.batch_size));
    const auto labels = at::arange(request.batch_size, at::kLong).remainder_(model_.options().cond_dim);
    condition_ = model_.of_classes(labels.to(compute.device));
  }

  void run() override {
    nn::ExponentialRace random_inputs(seeds_);
    generate_scales(model_, coder_, condition_, scale_sampling(sampling_), random_inputs);
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override {
    return {{"model", section_},
            {"shape",
             {{"top_k", sampling_.top_k},
              {"temperature", sampling_.temperature},
              {"cfg", sampling_.cfg},
              {"cond_dim", model_.options().cond_dim}}}};
  }

 private:
  runtime::Compute compute_;
  Json section_;
  G3ptGenerationOptions sampling_;
  G3pt model_;
  NoCoder coder_;
  std::vector<uint64_t> seeds_;
  at::Tensor condition_;
};

}  // namespace

std::unique_ptr<runtime::SpeedWork> make_token_work(const runtime::SpeedRequest& request,
                                                    const runtime::Compute& compute) {
  if (request.work != "generate") return nullptr;
  return std::make_unique<TokenWork>(request, compute);
}

std::unique_ptr<runtime::SpeedWork> make_field_work(const runtime::SpeedRequest& request,
                                                    const runtime::Compute& compute) {
  if (request.work != "generate") return nullptr;
  return std::make_unique<FieldWork>(request, compute);
}

std::unique_ptr<runtime::SpeedWork> make_argus3d_work(const runtime::SpeedRequest& request,
                                                      const runtime::Compute& compute) {
  if (request.work != "generate") return nullptr;
  return std::make_unique<Argus3dWork>(request, compute);
}

std::unique_ptr<runtime::SpeedWork> make_g3pt_work(const runtime::SpeedRequest& request,
                                                   const runtime::Compute& compute) {
  if (request.work != "generate") return nullptr;
  return std::make_unique<G3ptWork>(request, compute);
}

}  // namespace arzoo::shape3d
