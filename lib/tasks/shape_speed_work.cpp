#include "tasks/shape_speed_work.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "kernels/packed_weights.h"
#include "nn/seeded_noise.h"
#include "runtime/gemm_peak.h"
#include "shape3d/latent_surface.h"
#include "shape3d/mar3d_model.h"

namespace arzoo::tasks {
namespace {

using shape3d::Mar3d;
using shape3d::ShapeVae;

Config config_of(const ResolvedSpeedCell& cell) { return {cell.config, cell.options.name}; }

shape3d::EvaluationOptions evaluation_of(const ResolvedSpeedCell& cell) {
  return config_of(cell).section("evaluation").as<shape3d::EvaluationOptions>();
}

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
class TokenWork : public SpeedWork {
 public:
  TokenWork(const ResolvedSpeedCell& cell, const runtime::Compute& compute)
      : compute_(compute),
        section_(cell.config.at("model")),
        sampling_(evaluation_of(cell).sampling),
        model_(model_options<shape3d::Mar3dOptions>(config_of(cell).at("model"))) {
    model_.set_scale(at::tensor({-1.0, 1.0}));
    make_ready(model_, compute);
    const int64_t samples = cell.batch_size;
    request_.sampling = shape3d::sampling_of(sampling_);
    request_.seeds = nn::item_seeds(0, 0, static_cast<std::size_t>(samples));
    request_.low_only = true;
    request_.given = shape3d::GivenOfShape::of_classes(
        at::arange(samples, at::kLong).remainder_(model_.options().class_num).to(compute.device),
        model_.options());
  }

  void run() override {
    model_.sample(request_);
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override {
    return {{"model", section_},
            {"shape",
             {{"steps", sampling_.num_iter},
              {"denoising_steps", model_.options().lr.num_sampling_steps},
              {"cfg", sampling_.cfg},
              {"cfg_schedule", sampling_.cfg_schedule}}}};
  }

 private:
  runtime::Compute compute_;
  Json section_;
  shape3d::ShapeSampling sampling_;
  Mar3d model_;
  Mar3d::Request request_;
};

/// Occupancy at every point of a grid, chunk by chunk; what a refined grid costs is this times its share of
/// the points.
class FieldWork : public SpeedWork {
 public:
  FieldWork(const ResolvedSpeedCell& cell, const runtime::Compute& compute)
      : section_(cell.config.at("model")),
        resolution_(evaluation_of(cell).resolution),
        vae_(model_options<shape3d::ShapeVaeOptions>(config_of(cell).at("model"))) {
    make_ready(vae_, compute);
    const auto& options = vae_.options();
    tokens_ = at::randn({1, options.num_latents, options.embed_dim}).to(compute.device);
  }

  void run() override {
    const torch::NoGradGuard no_grad;
    auto grid = shape3d::cube_grid(resolution_, shape3d::kFieldHalf);
    shape3d::RefinementOptions every_point;
    every_point.dense = true;
    shape3d::fill_grid(grid, shape3d::latent_field(vae_, vae_.read(vae_.decode(tokens_))), every_point);
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

std::unique_ptr<SpeedWork> make_shape_work(const ResolvedSpeedCell& cell, const runtime::Compute& compute) {
  const auto model = config_of(cell).at("model");
  if (model.text("name") == shape3d::Mar3dOptions::kName) return std::make_unique<TokenWork>(cell, compute);
  if (model.text("name") == shape3d::ShapeVaeOptions::kName)
    return std::make_unique<FieldWork>(cell, compute);
  model.reject(fmt::format("{} has no work \"generate\"", model.text("name")));
}

}  // namespace arzoo::tasks
