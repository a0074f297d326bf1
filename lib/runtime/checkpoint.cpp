#include "runtime/checkpoint.h"

#include <torch/torch.h>

#include "core/atomic_file.h"
#include "core/json_reader.h"
#include "runtime/device.h"
#include "runtime/named_tensors.h"
#include "runtime/process_group.h"
#include "runtime/safetensors.h"

namespace arzoo::runtime {
namespace {

/// Names of the parameters that are trained, in the optimiser's order.
std::vector<std::string> trained_names(const torch::nn::Module& model) {
  std::vector<std::string> names;
  for (const auto& entry : model.named_parameters()) {
    if (entry.value().requires_grad()) names.push_back(entry.key());
  }
  return names;
}

Json json_of(const SavedState& saved) {
  Json json{{"state", to_json(saved.state)}, {"best_val", Json::object()}};
  for (const auto& [name, value] : saved.best_val) json["best_val"][name] = value;
  return json;
}

SavedState state_of(const Config& json) {
  SavedState saved;
  saved.state = json.at("state").as<TrainState>();
  for (const auto& [name, value] : json.at("best_val").members()) {
    double number = 0.0;
    value.read(number, {});
    saved.best_val.emplace_back(name, number);
  }
  return saved;
}

/// Every tensor of the state with the name it has on disk.
NamedTensors named_state(const torch::nn::Module& model, Adam& optimizer,
                         const std::vector<at::Tensor>& average) {
  const auto names = trained_names(model);
  auto& moments = optimizer.state();
  NamedTensors all("training state");
  for (std::size_t i = 0; i < names.size(); ++i) {
    all.add("exp_avg." + names[i], moments.exp_avg[i]);
    all.add("exp_avg_sq." + names[i], moments.exp_avg_sq[i]);
    all.add("step." + names[i], moments.steps[i]);
    if (!average.empty()) all.add("average." + names[i], average[i]);
  }
  return all;
}

}  // namespace

void save_train_state(const std::filesystem::path& folder, const SavedState& saved,
                      const torch::nn::Module& model, Adam& optimizer,
                      const std::vector<at::Tensor>& average) {
  auto tensors = named_state(model, optimizer, average);
  tensors.add("random_state", random_state());
  write_safetensors(folder / "training.safetensors", tensors.entries(), {});
  write_atomically(folder / "training.json", dump_json(json_of(saved), 2) + "\n");
}

SavedState read_train_state(const std::filesystem::path& folder) {
  return state_of(Config::load(folder / "training.json"));
}

SavedState load_train_state(const std::filesystem::path& folder, torch::nn::Module& model, Adam& optimizer,
                            std::vector<at::Tensor>& average) {
  auto saved = read_train_state(folder);
  load_strictly(model, open_tensors(folder / "model.safetensors"), folder.string());
  const auto path = folder / "training.safetensors";
  const auto stored = open_tensors(path);
  torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : named_state(model, optimizer, average)) {
    const auto& value = stored.at(name);
    if (value.sizes() != tensor.sizes())
      fail<CheckpointError>("{}: {}: the shape does not fit this model", path.string(), name);
    tensor.copy_(value);
  }
  try {
    set_random_state(stored.at("random_state").clone());
  } catch (const c10::Error&) {
    fail<CheckpointError>("{}: random_state: not a state of the CPU's random number generator",
                          path.string());
  }
  return saved;
}

void share_train_state(ProcessGroup& group, SavedState& saved, Adam& optimizer,
                       std::vector<at::Tensor>& average) {
  const auto text = group.broadcast(dump_json(json_of(saved)));
  saved = state_of(Config(read_json<CheckpointError>(text, "the first process's state"), "state"));
  auto& moments = optimizer.state();
  for (auto* tensors : {&moments.exp_avg, &moments.exp_avg_sq, &moments.steps, &average}) {
    for (auto& tensor : *tensors) group.broadcast(tensor);
  }
}

}  // namespace arzoo::runtime
