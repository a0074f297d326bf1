#include "distill/trajectories.h"

#include <torch/torch.h>

#include <numeric>

#include "core/display_text.h"
#include "core/json_reader.h"
#include "core/output_folder.h"
#include "core/seeded_random.h"
#include "runtime/process_group.h"
#include "runtime/safetensors.h"

namespace arzoo::distill {
namespace {

constexpr int64_t kSampledAtOnce = 100;
/// All students of a teacher learn from the same pairs, whatever their own seed.
constexpr uint64_t kPairSeed = 0;
constexpr const char* kIdentity = "identity";
constexpr std::size_t kShownColumns = 60;

}  // namespace

Trajectories::Trajectories(const Config& config, const Teacher& teacher, const runtime::Compute& compute)
    : options_(config.at("data").as<DataOptions>()), teacher_(teacher), compute_(compute) {}

Json Trajectories::identity() const {
  auto identity = teacher_.identity();
  identity["pairs"] = options_.pairs + options_.held_out;
  identity["ode_steps"] = options_.ode_steps;
  return identity;
}

bool Trajectories::read() {
  const std::filesystem::path path = options_.trajectories;
  if (path.empty() || !std::filesystem::exists(path)) return false;
  const auto stored = runtime::open_tensors(path);
  const auto own = identity();
  Json theirs = Json::object();
  for (const auto& [key, value] : stored.metadata) {
    if (key == kIdentity)
      theirs = read_json<CheckpointError>(value, fmt::format("{}: metadata: {}", path.string(), key));
  }
  for (const auto& [key, value] : own.items()) {
    if (theirs.is_object() && theirs.contains(key) && theirs[key] == value) continue;
    fail<CheckpointError>(
        "{}: trajectories of another kind: {} is {}, expected {} (name another file in data.trajectories, or "
        "remove this one)",
        path.string(), key,
        theirs.is_object() && theirs.contains(key) ? shortened(dump_json(theirs[key]), kShownColumns)
                                                   : "missing",
        dump_json(value));
  }
  const auto& kept = stored.at(teacher_.ends_name());
  teacher_.check_ends(kept, options_.pairs + options_.held_out, path.string());
  ends_ = kept.clone();
  return true;
}

at::Tensor Trajectories::sampled(int64_t first, int64_t count, Progress& progress,
                                 const std::atomic<bool>& stop) const {
  std::vector<at::Tensor> parts;
  progress.begin("trajectories", count);
  for (int64_t done = 0; done < count; done += kSampledAtOnce) {
    std::vector<int64_t> numbers(static_cast<std::size_t>(std::min(kSampledAtOnce, count - done)));
    std::iota(numbers.begin(), numbers.end(), first + done);
    const auto ends = teacher_.ends(labels_of(numbers), noise_of(numbers), options_.ode_steps).cpu();
    parts.push_back(ends.is_floating_point() ? ends : ends.to(at::kInt));
    progress.step({}, static_cast<int64_t>(numbers.size()));
    if (stop.load()) {
      progress.end();
      fail<Interrupted>("interrupted after {} of {} trajectories",
                        done + static_cast<int64_t>(numbers.size()), count);
    }
  }
  progress.end();
  return at::cat(parts);
}

void Trajectories::prepare(Progress& progress, const std::atomic<bool>& stop) {
  if (ends_.defined()) return;
  const auto& group = compute_.group;
  const bool known = read();
  // Each process may see files of its own: they are made anew unless all have them.
  if (group ? group->sum({known ? 0.0 : 1.0}).front() == 0.0 : known) return;
  const torch::NoGradGuard no_grad;
  const int64_t all = options_.pairs + options_.held_out;
  // Whole batches are shared out, so that the pairs are the same whatever the number of processes.
  const int64_t batches = (all + kSampledAtOnce - 1) / kSampledAtOnce;
  const bool shared = group && batches >= group->world();
  const auto share = shared ? compute_.share : Share();
  const int64_t first = share.first(batches) * kSampledAtOnce;
  const int64_t last = std::min(all, first + share.size(batches) * kSampledAtOnce);
  ends_ = sampled(first, last - first, progress, stop);
  if (shared) ends_ = group->concatenated(ends_);
  if (options_.trajectories.empty() || (group && !group->is_first())) return;
  const std::filesystem::path path = options_.trajectories;
  if (path.has_parent_path()) make_folder(path.parent_path());
  runtime::write_safetensors(path, {{teacher_.ends_name(), ends_}}, {{kIdentity, dump_json(identity())}});
}

at::Tensor Trajectories::noise_of(const std::vector<int64_t>& numbers) const {
  std::vector<uint64_t> seeds;
  for (const int64_t number : numbers)
    seeds.push_back(item_seeds(kPairSeed, static_cast<uint64_t>(number), 1).front());
  return picture_noise(seeds, teacher_.shape(), teacher_.noise_std()).to(compute_.device);
}

at::Tensor Trajectories::labels_of(const std::vector<int64_t>& numbers) const {
  return at::tensor(numbers, at::kLong).remainder_(teacher_.classes()).to(compute_.device);
}

TrajectoryBatch Trajectories::numbered(const std::vector<int64_t>& numbers) const {
  const auto chosen = ends_.index_select(0, at::tensor(numbers, at::kLong)).to(compute_.device);
  return {labels_of(numbers), noise_of(numbers), chosen.is_floating_point() ? chosen : chosen.to(at::kLong)};
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
