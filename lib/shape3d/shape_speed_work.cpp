#include "shape3d/shape_speed_work.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "core/zoo.h"
#include "kernels/packed_weights.h"
#include "runtime/gemm_peak.h"
#include "shape3d/latent_surface.h"
#include "shape3d/mar3d_model.h"

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
              {"denoising_steps", model_.options().lr.num_sampling_steps},
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
    fill_grid(grid, latent_field(vae_, vae_.read(vae_.decode(tokens_))), every_point);
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

}  // namespace arzoo::shape3d
