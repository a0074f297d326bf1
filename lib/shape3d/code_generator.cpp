#include "shape3d/code_generator.h"

#include <torch/torch.h>

#include "kernels/packed_weights.h"
#include "runtime/parameter_count.h"
#include "shape3d/latent_surface.h"

namespace arzoo::shape3d {

CodeGenerator::CodeGenerator(const Parts& parts, const runtime::Compute& compute)
    : device_(compute.device),
      name_(parts.name),
      class_names_(parts.class_names),
      classes_(parts.classes),
      steps_(parts.steps),
      parameters_(runtime::count_parameters(*parts.model).all +
                  runtime::count_parameters(parts.autoencoder->module()).all),
      autoencoder_(parts.autoencoder),
      cleaning_(parts.cleaning) {
  settings_["model"] = parts.name;
  settings_["weights"] = parts.path.string();
  settings_.update(parts.options);
  settings_["dtype"] = runtime::precision_name(compute);
  for (torch::nn::Module* part : {parts.model.get(), &parts.autoencoder->module()}) {
    part->to(compute.device);
    if (compute.device.is_cpu()) kernels::pack_for_inference(*part);
  }
}

int64_t CodeGenerator::parameters() const { return parameters_; }

void CodeGenerator::follow(const io::Picture&) {
  fail<UsageError>("--image: means nothing to a {}, which generates from classes", name_);
}

void CodeGenerator::complete(const io::Mesh&) {
  fail<UsageError>("--points: means nothing to a {}, which generates from classes", name_);
}

runtime::DecodedSurface CodeGenerator::surface(const at::Tensor& code,
                                               const runtime::SurfaceRequest& request) const {
  SurfaceOptions options{.resolution = request.resolution, .cleaning = cleaning_};
  options.refinement.dense = request.dense;
  return latent_surface(*autoencoder_, code.unsqueeze(0), options);
}

at::Tensor CodeGenerator::labels_of(const runtime::ShapeRequest& request) const {
  for (const int64_t label : request.labels) {
    if (label < 0 || label >= classes_)
      fail<UsageError>("--class: none, but a {} generates from a class", name_);
  }
  return at::tensor(request.labels, at::kLong).to(device_);
}

}  // namespace arzoo::shape3d
