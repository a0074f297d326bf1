#include "distill/trajectories.h"

#include <torch/torch.h>

#include <numeric>
#include <stdexcept>

#include "distill/flow_mapping.h"
#include "nn/seeded_noise.h"
#include "runtime/safetensors.h"

namespace arzoo::distill {
namespace {

constexpr int64_t kDrawnAtOnce = 100;
/// All students of a teacher learn from the same pairs, whatever their own seed.
constexpr uint64_t kPairSeed = 0;
constexpr const char *kIds = "ids", *kIdentity = "identity";

}  // namespace

FlowDraws::FlowDraws(const at::Tensor& noise, const at::Tensor& codebook, double noise_std, int64_t ode_steps)
    : noise_(noise),
      unit_codebook_(codebook.detach() / noise_std),
      noise_std_(noise_std),
      ode_steps_(ode_steps) {}

at::Tensor FlowDraws::pick(const at::Tensor& logits, int64_t first) {
  const int64_t batch = logits.size(0), tokens = logits.size(1);
  const auto scores = logits.to(noise_.device()).flatten(0, 1);
  const auto start = noise_.narrow(1, first, tokens).flatten(0, 1) / noise_std_;
  const auto end = flow_end(scores, start, unit_codebook_, ode_steps_);
  return image::nearest_codes(end, unit_codebook_).view({batch, tokens});
}

at::Tensor FlowDraws::exponentials(const at::Tensor&, int64_t) {
  throw std::logic_error("a flow leads to one token, there is nothing to smooth");
}

at::Tensor picture_noise(const std::vector<uint64_t>& seeds, int64_t tokens, int64_t channels,
                         double deviation) {
  std::vector<nn::NoiseRow> rows;
  for (const uint64_t seed : seeds) {
    for (int64_t i = 0; i < tokens; ++i) rows.push_back({seed, static_cast<uint64_t>(i)});
  }
  return nn::normal_rows(rows, channels)
      .mul_(deviation)
      .view({static_cast<int64_t>(seeds.size()), tokens, channels});
}

Trajectories::Trajectories(const Config& config, const Teacher& teacher, double noise_std,
                           const runtime::Compute& compute)
    : options_(config.at("data").as<DataOptions>()),
      teacher_(teacher),
      noise_std_(noise_std),
      compute_(compute) {}

Json Trajectories::identity() const {
  auto identity = teacher_.identity();
  identity["pairs"] = options_.pairs + options_.held_out;
  identity["ode_steps"] = options_.ode_steps;
  identity["noise_std"] = noise_std_;
  return identity;
}

bool Trajectories::read() {
  const std::filesystem::path path = options_.trajectories;
  if (path.empty() || !std::filesystem::exists(path)) return false;
  const auto stored = runtime::open_tensors(path);
  const auto own = identity();
  Json theirs;
  for (const auto& [key, value] : stored.metadata) {
    if (key == kIdentity) theirs = Json::parse(value, nullptr, /*allow_exceptions=*/false);
  }
  for (const auto& [key, value] : own.items()) {
    if (theirs.is_object() && theirs.contains(key) && theirs[key] == value) continue;
    fail<CheckpointError>(
        "{}: trajectories of another kind: {} is {}, expected {} (name another file in data.trajectories, or "
        "remove this one)",
        path.string(), key, theirs.is_object() && theirs.contains(key) ? theirs[key].dump() : "missing",
        value.dump());
  }
  const auto ids = stored.at(kIds).to(at::kInt);
  const auto tokens = image::tokens_of(teacher_.model().grids());
  const auto codes = teacher_.codebook().size(0);
  if (ids.dim() != 2 || ids.size(0) != options_.pairs + options_.held_out || ids.size(1) != tokens ||
      ids.lt(0).logical_or(ids.ge(codes)).any().item<bool>())
    fail<CheckpointError>("{}: ids: expected [{}, {}] codes below {}", path.string(),
                          options_.pairs + options_.held_out, tokens, codes);
  ids_ = ids.clone();
  return true;
}

void Trajectories::prepare(Progress& progress, const std::atomic<bool>& stop) {
  if (ids_.defined() || read()) return;
  const torch::NoGradGuard no_grad;
  const int64_t all = options_.pairs + options_.held_out;
  std::vector<at::Tensor> drawn;
  progress.begin("trajectories", all);
  for (int64_t first = 0; first < all; first += kDrawnAtOnce) {
    std::vector<int64_t> numbers(static_cast<std::size_t>(std::min(kDrawnAtOnce, all - first)));
    std::iota(numbers.begin(), numbers.end(), first);
    const auto noise = noise_of(numbers);
    FlowDraws draws(noise, teacher_.codebook(), noise_std_, options_.ode_steps);
    drawn.push_back(teacher_.draw(labels_of(numbers), draws).to(at::kInt).cpu());
    progress.step({}, static_cast<int64_t>(numbers.size()));
    if (stop.load()) {
      progress.end();
      fail<Interrupted>("interrupted after {} of {} trajectories",
                        first + static_cast<int64_t>(numbers.size()), all);
    }
  }
  progress.end();
  ids_ = at::cat(drawn);
  if (options_.trajectories.empty()) return;
  const std::filesystem::path path = options_.trajectories;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  runtime::write_safetensors(path, {{kIds, ids_}}, {{kIdentity, identity().dump()}});
}

at::Tensor Trajectories::noise_of(const std::vector<int64_t>& numbers) const {
  std::vector<uint64_t> seeds;
  for (const int64_t number : numbers)
    seeds.push_back(nn::item_seeds(kPairSeed, static_cast<uint64_t>(number), 1).front());
  return picture_noise(seeds, image::tokens_of(teacher_.model().grids()), teacher_.codebook().size(1),
                       noise_std_)
      .to(compute_.device);
}

at::Tensor Trajectories::labels_of(const std::vector<int64_t>& numbers) const {
  return at::tensor(numbers, at::kLong).remainder_(teacher_.classes()).to(compute_.device);
}

TrajectoryBatch Trajectories::numbered(const std::vector<int64_t>& numbers) const {
  const auto chosen = ids_.index_select(0, at::tensor(numbers, at::kLong));
  return {labels_of(numbers), noise_of(numbers), chosen.to(at::kLong).to(compute_.device)};
}

TrajectoryBatch Trajectories::training(std::span<const int64_t> items) const {
  std::vector<int64_t> numbers;
  for (const int64_t item : items) numbers.push_back(options_.held_out + item);
  return numbered(numbers);
}

TrajectoryBatch Trajectories::validating(int64_t first, int64_t count) const {
  std::vector<int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbered(numbers);
}

}  // namespace arzoo::distill
