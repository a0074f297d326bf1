#include "runtime/other_names.h"

namespace arzoo::runtime {

NamedTensors in_names_of(const torch::nn::Module& module, const NamedTensors& tensors) {
  const auto* model = dynamic_cast<const OtherNames*>(&module);
  if (model == nullptr) return tensors;
  NamedTensors renamed(tensors.where());
  renamed.metadata = tensors.metadata;
  renamed.dict = tensors.dict;
  for (const auto& [name, tensor] : tensors) {
    auto own = name;
    for (const auto& [there, here] : model->other_names()) {
      if (name.starts_with(there)) own = here.empty() ? "" : here + name.substr(there.size());
    }
    if (!own.empty()) renamed.add(std::move(own), tensor);
  }
  return renamed;
}

}  // namespace arzoo::runtime
