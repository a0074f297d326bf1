#include "distill/var_teacher.h"

#include <torch/torch.h>

#include <stdexcept>

#include "core/zoo.h"
#include "distill/flow_mapping.h"
#include "image/var_source.h"
#include "nn/token_sampler.h"
#include "runtime/autocast.h"
#include "runtime/generation_options.h"

namespace arzoo::distill {

FlowRandomInputs::FlowRandomInputs(const at::Tensor& noise, const at::Tensor& codebook, double noise_std,
                                   int64_t ode_steps)
    : noise_(noise),
      unit_codebook_(codebook.detach() / noise_std),
      noise_std_(noise_std),
      ode_steps_(ode_steps) {}

at::Tensor FlowRandomInputs::pick(const at::Tensor& logits, int64_t first) {
  const int64_t batch = logits.size(0), tokens = logits.size(1);
  const auto scores = logits.to(noise_.device()).flatten(0, 1);
  const auto start = noise_.narrow(1, first, tokens).flatten(0, 1) / noise_std_;
  const auto end = flow_end(scores, start, unit_codebook_, ode_steps_);
  return image::nearest_codes(end, unit_codebook_).view({batch, tokens});
}

at::Tensor FlowRandomInputs::exponentials(const at::Tensor&, int64_t) {
  throw std::logic_error("a flow leads to one token, there is nothing to smooth");
}

VarTeacher::VarTeacher(const Config& config, double noise_std, const runtime::Compute& compute)
    : noise_std_(noise_std) {
  const auto source = config.at("data").at("teacher");
  const std::filesystem::path path = source.text();
  if (path.empty())
    source.reject("a student needs its teacher, a trained var (arzoo train configs/image/var_*.json)");
  const auto opened = image::open_var(path, "", at::kFloat);
  if (!opened.folder)
    source.reject("expected a run directory or model folder, whose config.json says how the teacher samples");
  folder_ = *opened.folder;
  model_ = opened.model;
  require_same_teacher(config.at("model").at("var"), to_json(model_->options()), path.string());
  vae_ = image::open_tokenizer(opened, std::nullopt, at::kFloat);
  make_constant(*model_, compute.device);
  make_constant(*vae_, compute.device);
  const auto data = config.at("data").as<DataOptions>();
  auto own = runtime::generation_options<image::VarGenerationOptions>({}, folder_.sampling,
                                                                      image::VarOptions::kName);
  own.cfg = data.cfg.value_or(own.cfg);
  if (data.top_k) own.top_k = {*data.top_k};
  if (data.top_p) own.top_p = {*data.top_p};
  sampling_ = image::var_sampling(own, model_->grids().size());
}

at::Tensor VarTeacher::logits(const at::Tensor& labels, const at::Tensor& ids) const {
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
  auto guided = nn::guided_beyond(both[0], both[1], share).contiguous();
  nn::filter_logits(guided, sampling_.at(0));
  return guided;
}

at::Tensor VarTeacher::ends(const at::Tensor& labels, const at::Tensor& noise, int64_t ode_steps) const {
  const image::VarSampler sampler(*vae_, *model_);
  FlowRandomInputs random_inputs(noise, codebook(), noise_std_, ode_steps);
  return at::cat(sampler.tokens_after({}, model_->grids().size(), labels, sampling_, random_inputs), 1);
}

void VarTeacher::check_ends(const at::Tensor& ends, int64_t count, const std::string& file) const {
  const auto tokens = shape().count, codes = codebook().size(0);
  const bool fits = ends.dim() == 2 && ends.size(0) == count && ends.size(1) == tokens &&
                    !ends.lt(0).logical_or(ends.ge(codes)).any().item<bool>();
  if (!fits) {
    fail<CheckpointError>("{}: ids: expected [{}, {}] codes below {}", file, count, tokens, codes);
  }
}

Json VarTeacher::tokenizer_section() const {
  Json section{{"name", image::VqvaeOptions::kName}};
  section.update(arzoo::to_json(vae_->options()));
  return section;
}

Json VarTeacher::identity() const {
  const auto weights = sums_of(*model_), codes = sums_of(vae_->quantizer());
  return {{"weights", {weights.first, weights.second}},
          {"codes", {codes.first, codes.second}},
          {"cfg", sampling_.cfg_scale},
          {"top_k", sampling_.at(0).top_k},
          {"top_p", sampling_.at(0).top_p},
          {"temperature", sampling_.at(0).temperature},
          {"noise_std", noise_std_}};
}

}  // namespace arzoo::distill
