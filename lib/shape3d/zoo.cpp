#include "shape3d/zoo.h"

#include "core/zoo.h"
#include "runtime/memory_budget.h"
#include "shape3d/mar3d_model.h"
#include "shape3d/shape_vae_model.h"

namespace arzoo::shape3d {

std::shared_ptr<torch::nn::Module> build(const Config& model) {
  const auto name = model.text("name");
  return runtime::within_memory(model, [&]() -> std::shared_ptr<torch::nn::Module> {
    if (name == ShapeVaeOptions::kName)
      return std::make_shared<ShapeVae>(model_options<ShapeVaeOptions>(model));
    if (name == Mar3dOptions::kName) return std::make_shared<Mar3d>(model_options<Mar3dOptions>(model));
    model.at("name").reject(fmt::format("no shape model is called \"{}\"", name));
  });
}

}  // namespace arzoo::shape3d
