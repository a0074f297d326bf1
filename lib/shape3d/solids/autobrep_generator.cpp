#include "shape3d/solids/autobrep_generator.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/seeded_random.h"
#include "core/zoo.h"
#include "nn/exponential_race.h"
#include "runtime/generation_options.h"
#include "runtime/parameter_count.h"
#include "shape3d/model_folder.h"
#include "shape3d/solids/brep_codes.h"
#include "shape3d/solids/brep_rebuild.h"

namespace arzoo::shape3d {
namespace {

constexpr uint64_t kAttemptStream = 0x617474656d7074U;

std::vector<int64_t> token_list(const at::Tensor& row) {
  const auto own = row.to(at::kCPU, at::kLong).contiguous();
  return {own.const_data_ptr<int64_t>(), own.const_data_ptr<int64_t>() + own.numel()};
}

}  // namespace

AutobrepGenerator::AutobrepGenerator(std::shared_ptr<Autobrep> model, std::shared_ptr<AutobrepFsq> coders,
                                     const AutobrepGenerationOptions& options,
                                     const std::filesystem::path& path, const runtime::Compute& compute)
    : model_(std::move(model)), coders_(std::move(coders)), options_(options), device_(compute.device) {
  settings_["model"] = AutobrepOptions::kName;
  settings_["weights"] = path.string();
  settings_.update(arzoo::to_json(options));
  settings_["dtype"] = runtime::precision_name(compute);
  model_->to(device_);
  coders_->to(device_);
}

std::unique_ptr<runtime::ShapeGenerator> AutobrepGenerator::open(const std::filesystem::path& path,
                                                                 const Json& sampling,
                                                                 const runtime::Compute& compute) {
  const auto folder = open_model_folder(path);
  auto model = load_model<Autobrep, AutobrepOptions>(folder, compute.dtype);
  auto coders =
      load_model<AutobrepFsq, AutobrepFsqOptions>(open_model_folder(folder.path / "vae"), at::kFloat);
  const auto& own = model->options();
  if (coders->surface().options().codes() != own.surf_codebook_size ||
      coders->edge().options().codes() != own.edge_codebook_size)
    fail<CheckpointError>("{}: vae/ has other codes than the model was trained on", path.string());
  const auto options = runtime::generation_options<AutobrepGenerationOptions>(sampling, folder.sampling,
                                                                              AutobrepOptions::kName);
  return std::unique_ptr<runtime::ShapeGenerator>(
      new AutobrepGenerator(std::move(model), std::move(coders), options, folder.path, compute));
}

int64_t AutobrepGenerator::parameters() const {
  return runtime::count_parameters(*model_).all + runtime::count_parameters(*coders_).all;
}

void AutobrepGenerator::follow(const io::Picture&) {
  fail<UsageError>("--image: means nothing to an autobrep, which generates from how complex a solid is");
}

void AutobrepGenerator::complete(const io::Mesh&) {
  fail<UsageError>("--points: means nothing to an autobrep, which generates from how complex a solid is");
}

at::Tensor AutobrepGenerator::sample_once(const std::vector<int64_t>& labels,
                                          const std::vector<uint64_t>& seeds,
                                          const std::function<void(int64_t)>& watch) const {
  const torch::NoGradGuard no_grad;
  auto prompt = at::empty({static_cast<int64_t>(labels.size()), 5}, at::kLong);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const int64_t label = labels[i] < 0 || labels[i] >= classes() ? kUncond : kEasy + labels[i];
    const std::array<int64_t, 5> row{kBos, kBom, label, kEom, kBoc};
    std::copy(row.begin(), row.end(), prompt.mutable_data_ptr<int64_t>() + 5 * i);
  }
  const int64_t most = model_->options().max_seq - prompt.size(1);
  AutobrepStream stream(*model_, /*grammar=*/!options_.unconstrained, most);
  nn::ExponentialRace random_inputs(seeds);
  const auto tokens = nn::decode_tokens(stream, prompt.to(device_), most, decoding_rules(options_),
                                        random_inputs, [&](const nn::DecodingStep& step) {
                                          if (watch) watch(step.index);
                                          return true;
                                        });
  // Rows end at their own places: 0 follows.
  const auto ends = tokens.eq(kEos).to(at::kLong);
  return at::constant_pad_nd(tokens.masked_fill(ends.cumsum(1).sub(ends).gt(0), 0),
                             {0, std::max<int64_t>(0, model_->options().max_seq - tokens.size(1))}, 0);
}

at::Tensor AutobrepGenerator::sample(const runtime::ShapeRequest& request,
                                     const std::function<void(int64_t)>& watch) const {
  auto tokens = sample_once(request.labels, request.seeds, watch);
  for (int64_t attempt = 1; attempt < options_.attempts; ++attempt) {
    std::vector<int64_t> rows, labels;
    std::vector<uint64_t> seeds;
    for (int64_t row = 0; row < tokens.size(0); ++row) {
      if (solid(tokens[row]).built.valid) continue;
      const auto i = static_cast<std::size_t>(row);
      rows.push_back(row);
      labels.push_back(request.labels[i]);
      seeds.push_back(stream_seed(request.seeds[i], kAttemptStream, static_cast<uint64_t>(attempt)));
    }
    if (rows.empty()) break;
    tokens.index_copy_(0, at::tensor(rows, at::kLong), sample_once(labels, seeds, {}));
  }
  return tokens;
}

runtime::SolidGenerator::Solid AutobrepGenerator::solid(const at::Tensor& sampled) const {
  Solid result;
  const auto& plugin = io::cad_plugin("autobrep");
  try {
    const auto graph = solid_of_tokens(token_list(sampled), *coders_, vocabulary_of(model_->options()));
    result.parsed = true;
    result.faces = graph.faces();
    result.edges = graph.edges();
    result.error = plugin.build(
        solid_plan(graph, {.fit_steps = options_.fit_steps, .regular = !options_.as_decoded}), result.built);
  } catch (const DataError& error) {
    result.error = error.what();
  }
  return result;
}

runtime::DecodedSurface AutobrepGenerator::surface(const at::Tensor& sampled,
                                                   const runtime::SurfaceRequest&) const {
  return {solid(sampled).built.mesh, 0};
}

}  // namespace arzoo::shape3d
