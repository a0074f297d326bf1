#include "runtime/checkpoint.h"

#include <torch/torch.h>

#include <array>

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
NamedTensors named_state(const torch::nn::Module& model, const Adam::State& moments,
                         const std::vector<at::Tensor>& average) {
  const auto names = trained_names(model);
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
                      const torch::nn::Module& model, const Adam::State& moments,
                      const std::vector<at::Tensor>& average) {
  auto tensors = named_state(model, moments, average);
  tensors.add("random_state", random_state());
  write_safetensors(folder / "training.safetensors", tensors.entries(), {});
  write_atomically(folder / "training.json", dump_json(json_of(saved), 2) + "\n");
}

SavedState read_train_state(const std::filesystem::path& folder) {
  return state_of(Config::load(folder / "training.json"));
}

SavedState load_train_state(const std::filesystem::path& folder, torch::nn::Module& model,
                            Adam::State& moments, std::vector<at::Tensor>& average) {
  auto saved = read_train_state(folder);
  load_strictly(model, open_tensors(folder / "model.safetensors"), folder.string());
  const auto path = folder / "training.safetensors";
  const auto stored = open_tensors(path);
  torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : named_state(model, moments, average)) {
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

namespace {

/// The three tensors of parameter i that its owner keeps.
std::array<at::Tensor*, 3> of_parameter(Adam::State& moments, std::size_t i) {
  return {&moments.exp_avg[i], &moments.exp_avg_sq[i], &moments.steps[i]};
}

/// Tensors of its shapes, to be filled.
std::array<at::Tensor, 3> empty_moments(const at::Tensor& parameter) {
  const auto options = parameter.options().requires_grad(false);
  const auto like = at::empty_like(parameter, options);
  return {like, at::empty_like(like), at::empty({}, options.dtype(at::kFloat))};
}

}  // namespace

Adam::State all_moments(Adam& optimizer, ProcessGroup* group, bool wanted) {
  auto moments = optimizer.state();
  const auto& owners = optimizer.owners();
  for (std::size_t i = 0; i < owners.size(); ++i) {
    const bool is_own = moments.steps[i].defined();
    const auto received = is_own ? std::array<at::Tensor, 3>() : empty_moments(optimizer.parameters()[i]);
    const auto own = of_parameter(moments, i);
    for (std::size_t k = 0; k < own.size(); ++k) {
      const auto& tensor = is_own ? *own[k] : received[k];
      group->broadcast(tensor, owners[i]);
      if (wanted) *own[k] = tensor;
    }
  }
  return moments;
}

void share_train_state(ProcessGroup& group, SavedState& saved, const Adam::State& moments, Adam& optimizer,
                       std::vector<at::Tensor>& average) {
  const auto text = group.broadcast(dump_json(json_of(saved)));
  saved = state_of(Config(read_json<CheckpointError>(text, "the first process's state"), "state"));
  auto first = moments;
  for (std::size_t i = 0; i < optimizer.parameters().size(); ++i) {
    const auto own = of_parameter(optimizer.state(), i);
    const auto sent = group.is_first() ? std::array{first.exp_avg[i], first.exp_avg_sq[i], first.steps[i]}
                                       : empty_moments(optimizer.parameters()[i]);
    for (std::size_t k = 0; k < own.size(); ++k) {
      group.broadcast(sent[k]);
      if (own[k]->defined()) own[k]->copy_(sent[k]);
    }
  }
  for (auto& tensor : average) group.broadcast(tensor);
}

}  // namespace arzoo::runtime
