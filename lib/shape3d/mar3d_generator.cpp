#include "shape3d/mar3d_generator.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "kernels/packed_weights.h"
#include "runtime/generation_options.h"
#include "runtime/named_tensors.h"
#include "runtime/parameter_count.h"
#include "shape3d/farthest_points.h"
#include "shape3d/latent_surface.h"
#include "shape3d/outline.h"
#include "shape3d/point_tensor.h"
#include "shape3d/shape_data.h"

namespace arzoo::shape3d {

Mar3dGenerator::Mar3dGenerator(const std::filesystem::path& model, const Json& sampling,
                               const runtime::Compute& compute)
    : folder_(open_model_folder(model)),
      model_(load_model<Mar3d, Mar3dOptions>(folder_, compute.dtype)),
      vae_(load_shape_vae(open_model_folder(folder_.path / "vae"), compute.dtype)),
      device_(compute.device) {
  const auto options =
      runtime::generation_options<Mar3dGenerationOptions>(sampling, folder_.sampling, Mar3dOptions::kName);
  sampling_ = sampling_of(options);
  cleaning_ = cleaning_of(options);
  settings_["model"] = Mar3dOptions::kName;
  settings_["weights"] = folder_.path.string();
  settings_.update(arzoo::to_json(options));
  settings_["dtype"] = runtime::precision_name(compute);
  for (torch::nn::Module* part :
       {static_cast<torch::nn::Module*>(model_.get()), static_cast<torch::nn::Module*>(vae_.get())}) {
    part->to(compute.device);
    if (compute.device.is_cpu()) kernels::pack_for_inference(*part);
  }
}

int64_t Mar3dGenerator::parameters() const {
  return runtime::count_parameters(*model_).all + runtime::count_parameters(*vae_).all;
}

int64_t Mar3dGenerator::steps() const {
  Mar3d::Request request;
  request.sampling = sampling_;
  return model_->steps(request);
}

void Mar3dGenerator::follow(const io::Picture& picture) {
  outline_ =
      outline_tensor(framed_outline(picture, model_->options().silhouette_pixels)).unsqueeze(0).to(device_);
}

void Mar3dGenerator::complete(const io::Mesh& part) {
  for (const auto& vertex : part.vertices) {
    if (std::max({std::abs(vertex.x), std::abs(vertex.y), std::abs(vertex.z)}) > 1.0F)
      fail<DataError>("a vertex at ({}, {}, {}), expected a part of a shape within the cube from -1 to 1",
                      vertex.x, vertex.y, vertex.z);
  }
  const torch::NoGradGuard no_grad;
  std::mt19937_64 random(1);
  const int64_t count = folder_.facts.surface_points / kLowResFactor;
  const auto sampled = tensor_of(sample_surface(part, 4 * count, random));
  auto clouds = sample_clouds(sampled, count, vae_->options().levels(), random);
  for (auto& level : clouds.levels) level = level.to(device_);
  clouds.fps_start = corner_start(clouds.levels.front().narrow(2, 0, 3));
  part_ = model_->scaled(vae_->encode(clouds).mean);
}

GivenOfShape Mar3dGenerator::given_of(const runtime::ShapeRequest& request) const {
  const auto count = static_cast<int64_t>(request.labels.size());
  auto given = GivenOfShape::of_classes(at::tensor(request.labels, at::kLong).to(device_), model_->options());
  const auto all = at::ones({count}, at::TensorOptions(at::kBool).device(device_));
  if (outline_.defined()) {
    given.silhouettes = outline_.expand({count, -1, -1, -1});
    given.has_silhouette = all;
  }
  if (part_.defined()) {
    given.points = part_.expand({count, -1, -1});
    given.has_points = all;
  }
  return given;
}

at::Tensor Mar3dGenerator::sample(const runtime::ShapeRequest& request,
                                  const std::function<void(int64_t)>& watch) const {
  Mar3d::Request wanted;
  wanted.given = given_of(request);
  wanted.seeds = request.seeds;
  wanted.sampling = sampling_;
  wanted.watch = watch;
  return model_->sample(wanted);
}

runtime::DecodedSurface Mar3dGenerator::surface(const at::Tensor& tokens,
                                                const runtime::SurfaceRequest& request) const {
  SurfaceOptions options{.resolution = request.resolution, .cleaning = cleaning_};
  options.refinement.dense = request.dense;
  return latent_surface(*vae_, tokens.unsqueeze(0), options);
}

std::unique_ptr<runtime::ShapeGenerator> open_mar3d_generator(const std::filesystem::path& model,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute) {
  return std::make_unique<Mar3dGenerator>(model, sampling, compute);
}

}  // namespace arzoo::shape3d
