#include "distill/teacher.h"

#include <torch/torch.h>

#include "image/var_source.h"
#include "runtime/autocast.h"
#include "runtime/named_tensors.h"

namespace arzoo::distill {
namespace {

/// Of a VAR, what decides how it was trained and not what it is.
bool is_of_training(const std::string& key) {
  static const std::vector<std::string> kKeys{"drop_path_rate", "cond_drop_rate", "label_smoothing", "alng",
                                              "supernet"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

/// Throws ConfigError at the option that the teacher has otherwise.
void require_same(const Config& section, const Json& own, const std::string& path) {
  for (const auto& [key, value] : section.members()) {
    const bool of_training =
        is_of_training(key) || key == "l1_weight" || key == "revive_every" || key == "beta";
    if (of_training) continue;
    if (value.json().is_object()) {
      require_same(value, own.at(key), path);
    } else if (value.json() != own.at(key)) {
      value.reject(
          fmt::format("{}, but the teacher in {} has {}", value.json().dump(), path, own.at(key).dump()));
    }
  }
}

/// Two sums over all weights: other weights have others.
std::pair<double, double> sums_of(const torch::nn::Module& model) {
  double sum = 0.0, squares = 0.0;
  for (const auto& parameter : model.parameters()) {
    const auto wide = parameter.detach().to(at::kDouble);
    sum += wide.sum().item<double>();
    squares += wide.square().sum().item<double>();
  }
  return {sum, squares};
}

}  // namespace

Teacher::Teacher(const Config& config, const runtime::Compute& compute) {
  const auto source = config.at("data").at("teacher");
  const std::filesystem::path path = source.text();
  if (path.empty())
    source.reject("a student needs its teacher, a trained var (arzoo train configs/image/var_*.json)");
  const auto opened = image::open_var(path, "", at::kFloat);
  if (!opened.folder)
    source.reject("expected a run directory or model folder, whose config.json says how the teacher draws");
  folder_ = *opened.folder;
  model_ = opened.model;
  require_same(config.at("model").at("var"), to_json(model_->options()), path.string());
  vae_ = image::open_tokenizer(opened, std::nullopt, at::kFloat);
  for (torch::nn::Module* part : std::initializer_list<torch::nn::Module*>{model_.get(), vae_.get()}) {
    part->to(compute.device);
    part->eval();
    for (auto& parameter : part->parameters()) parameter.requires_grad_(false);
  }
  const auto data = config.at("data").as<DataOptions>();
  const auto& own = folder_.sampling;
  sampling_.cfg_scale = data.cfg.value_or(own.cfg.value_or(sampling_.cfg_scale));
  sampling_.scales = {{data.top_k.value_or(own.top_k), data.top_p.value_or(own.top_p), own.temperature}};
}

at::Tensor Teacher::logits(const at::Tensor& labels, const at::Tensor& ids) const {
  const torch::NoGradGuard no_grad;
  const runtime::WithoutAutocast full_precision(labels.device().type());
  const auto& grids = model_->grids();
  std::vector<int64_t> counts;
  for (const auto& grid : grids) counts.push_back(grid.tokens());
  const auto maps = vae_->quantizer().teacher_input(ids.split_with_sizes(counts, 1), grids);
  const auto all = at::cat({labels, at::full_like(labels, model_->null_class())});
  const auto both = model_->forward(all, maps.repeat({2, 1, 1})).chunk(2, 0);
  // Guidance grows with the scale.
  std::vector<at::Tensor> shares;
  for (std::size_t k = 0; k < grids.size(); ++k) {
    const double place = static_cast<double>(k) / static_cast<double>(grids.size() - 1);
    shares.push_back(at::full({grids[k].tokens(), 1}, sampling_.cfg_scale * place));
  }
  const auto share = at::cat(shares).to(both[0].options());
  auto guided = (both[0] * (1.0 + share) - both[1] * share).cpu().contiguous();
  image::keep_likely(guided, sampling_.at(0));
  return guided.to(labels.device());
}

at::Tensor Teacher::draw(const at::Tensor& labels, image::TokenDraws& draws) const {
  const image::VarSampler sampler(*vae_, *model_);
  return at::cat(sampler.tokens_after({}, model_->grids().size(), labels, sampling_, draws), 1);
}

Json Teacher::identity() const {
  const auto weights = sums_of(*model_), codes = sums_of(vae_->quantizer());
  return {{"weights", {weights.first, weights.second}},
          {"codes", {codes.first, codes.second}},
          {"cfg", sampling_.cfg_scale},
          {"top_k", sampling_.at(0).top_k},
          {"top_p", sampling_.at(0).top_p},
          {"temperature", sampling_.at(0).temperature}};
}

}  // namespace arzoo::distill
