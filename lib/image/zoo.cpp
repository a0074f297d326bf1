#include "image/zoo.h"

#include "core/zoo.h"
#include "image/feature_net_model.h"
#include "image/flowar_model.h"
#include "image/kl_vae_model.h"
#include "image/mar_model.h"
#include "image/var_model.h"
#include "image/vqvae_model.h"
#include "runtime/memory_budget.h"

namespace arzoo::image {

std::shared_ptr<torch::nn::Module> build(const Config& model) {
  const auto name = model.text("name");
  return runtime::within_memory(model, [&]() -> std::shared_ptr<torch::nn::Module> {
    if (name == VqvaeOptions::kName) return std::make_shared<Vqvae>(model_options<VqvaeOptions>(model));
    if (name == VarOptions::kName) return std::make_shared<Var>(model_options<VarOptions>(model));
    if (name == KlVaeOptions::kName) return std::make_shared<KlVae>(model_options<KlVaeOptions>(model));
    if (name == MarOptions::kName) return std::make_shared<Mar>(model_options<MarOptions>(model));
    if (name == FlowArOptions::kName) return std::make_shared<FlowAr>(model_options<FlowArOptions>(model));
    if (name == FeatureNetOptions::kName)
      return std::make_shared<FeatureNet>(model_options<FeatureNetOptions>(model));
    model.at("name").reject(fmt::format("no image model is called \"{}\"", name));
  });
}

}  // namespace arzoo::image
