#include "distill/latent_teacher.h"

#include <torch/torch.h>

namespace arzoo::distill {

LatentTeacher::LatentTeacher(const Config& config, std::string_view name) : name_(name) {
  const auto data = config.at("data"), source = data.at("teacher");
  const std::filesystem::path path = source.text();
  if (path.empty()) {
    source.reject(fmt::format(
        "a student needs its teacher, a trained {} (arzoo train configs/image/{}_*.json)", name, name));
  }
  found_ = image::find_model(path, "");
  if (!found_.folder)
    source.reject("expected a run directory or model folder, whose config.json says how the teacher samples");
  folder_ = *found_.folder;
  for (const auto* key : {"top_k", "top_p"}) {
    const auto given = data.at(key);
    if (!given.json().is_null())
      given.reject(fmt::format("a {} generates continuous tokens, it has no codes to choose from", name));
  }
}

void LatentTeacher::check_ends(const at::Tensor& ends, int64_t count, const std::string& file) const {
  const auto [tokens, channels] = shape();
  const bool fits = ends.dim() == 3 && ends.size(0) == count && ends.size(1) == tokens &&
                    ends.size(2) == channels && ends.isfinite().all().item<bool>();
  if (!fits)
    fail<CheckpointError>("{}: tokens: expected [{}, {}, {}] finite numbers", file, count, tokens, channels);
}

Json LatentTeacher::tokenizer_section() const {
  Json section{{"name", image::KlVaeOptions::kName}};
  section.update(arzoo::to_json(vae_->options()));
  return section;
}

Json LatentTeacher::completed(Json section) const {
  section[name_]["vae"]["latent_scale"] = vae_->latent_scale();
  return section;
}

}  // namespace arzoo::distill
