#include "image/fixture.h"

#include <torch/torch.h>

#include <algorithm>
#include <charconv>

#include "nn/diffusion_schedule.h"

namespace arzoo::image {

VarOptions var_options_among(const Config& transformer, const Config& vae) {
  Json kept = transformer.json();
  kept["vae"] = arzoo::to_json(options_among<VqvaeOptions>(vae));
  return options_among<VarOptions>(Config(std::move(kept), transformer.name(), transformer.pointer()));
}

runtime::NamedTensors weights_at(const runtime::ParityCase& fixture, const std::string& path) {
  const auto file = (fixture.folder / path).lexically_normal();
  if (file.parent_path().parent_path() != fixture.folder.parent_path()) {
    fail<CheckpointError>("{}: weights {} lie outside the cases, expected FILE or ../CASE/FILE", fixture.name,
                          path);
  }
  return runtime::open_tensors(file);
}

runtime::NamedTensors weights_of(const runtime::NamedTensors& all, const std::string& prefix,
                                 const std::vector<std::string>& others) {
  runtime::NamedTensors part(all.where());
  for (const auto& [name, tensor] : all) {
    const bool foreign = std::any_of(others.begin(), others.end(), [&name = name](const std::string& other) {
      return name.starts_with(other);
    });
    if (name.starts_with(prefix) && !foreign) part.add(name.substr(prefix.size()), tensor);
  }
  return part;
}

int64_t diffusion_steps(const Config& where, const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 ||
      number > nn::DiffusionSchedule::kDiffusionSteps)
    where.reject(fmt::format("\"{}\" diffusion steps, expected a number up to {} in quotes", text,
                             nn::DiffusionSchedule::kDiffusionSteps));
  return number;
}

std::vector<at::Tensor> by_scale(const at::Tensor& ids, const Grids& grids) {
  std::vector<int64_t> counts;
  for (const auto& grid : grids) counts.push_back(grid.tokens());
  return ids.split_with_sizes(counts, 1);
}

VarSampling RecordedRun::sampling() const {
  VarSampling sampling;
  options.at("cfg").read(sampling.cfg_scale, {});
  double top_p = 0.0;
  options.at("top_p").read(top_p, {});
  std::vector<int64_t> top_k;
  const auto most = options.at("top_k");
  if (most.json().is_array()) {
    most.read(top_k, {});
  } else {
    most.read(top_k.emplace_back(), {});
  }
  std::vector<double> temperatures(top_k.size(), 1.0);
  if (options.has("temp")) options.at("temp").read(temperatures, {});
  for (std::size_t k = 0; k < top_k.size(); ++k)
    sampling.scales.push_back({.top_k = top_k[k], .top_p = top_p, .temperature = temperatures.at(k)});
  if (options.has("more_smooth")) options.at("more_smooth").read(sampling.more_smooth, {});
  return sampling;
}

void GenerationRecord::on_logits(std::size_t, const at::Tensor& scale_logits) {
  logits.push_back(scale_logits.clone());
}

void GenerationRecord::on_scale(std::size_t, const at::Tensor& scale_ids, const at::Tensor& sum,
                                const at::Tensor& next) {
  ids.push_back(scale_ids);
  f_hat.push_back(sum.clone());
  if (next.defined()) maps.push_back(next);
}

void replay_var_case(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  if (fixture.config.has("var_file")) return replay_published(fixture, report);
  if (fixture.config.has("train")) return replay_var_training(fixture, report);
  replay_var(fixture, report);
}

}  // namespace arzoo::image
