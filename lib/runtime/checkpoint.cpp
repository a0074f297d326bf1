#include "runtime/checkpoint.h"

#include <torch/torch.h>

#include <array>

#include "core/atomic_file.h"
#include "core/json_reader.h"
#include "runtime/device.h"
#include "runtime/named_tensors.h"
#include "runtime/process_group.h"
#include "runtime/safetensors.h"
#include "runtime/sharded_parameters.h"

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

constexpr std::string_view kMaster = "master.";

/// Every tensor of the state with the name it has on disk.
NamedTensors named_state(const torch::nn::Module& model, const TrainTensors& tensors) {
  const auto& [optimizer, average, masters] = tensors;
  const auto names = trained_names(model);
  NamedTensors all("training state");
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const auto& moment : optimizer.moments) all.add(moment.name + "." + names[i], moment.values[i]);
    all.add("step." + names[i], optimizer.steps[i]);
    if (!average.empty()) all.add("average." + names[i], average[i]);
    if (!masters.empty()) all.add(std::string(kMaster) + names[i], masters[i]);
  }
  return all;
}

bool is_unfilled(const at::Tensor& tensor) { return tensor.numel() > 0 && tensor.storage().nbytes() == 0; }

}  // namespace

void save_train_state(const std::filesystem::path& folder, const SavedState& saved,
                      const torch::nn::Module& model, const TrainTensors& tensors) {
  auto named = named_state(model, tensors);
  named.add("random_state", random_state());
  write_safetensors(folder / "training.safetensors", named.entries(), {});
  write_atomically(folder / "training.json", dump_json(json_of(saved), 2) + "\n");
}

SavedState read_train_state(const std::filesystem::path& folder) {
  return state_of(Config::load(folder / "training.json"));
}

SavedState load_train_state(const std::filesystem::path& folder, torch::nn::Module& model,
                            TrainTensors& tensors) {
  auto saved = read_train_state(folder);
  load_strictly(model, open_tensors(folder / "model.safetensors"), folder.string());
  const auto path = folder / "training.safetensors";
  const auto stored = open_tensors(path);
  torch::NoGradGuard no_grad;
  const auto parameters = model.named_parameters();
  for (const auto& [name, tensor] : named_state(model, tensors)) {
    const bool is_missing = name.starts_with(kMaster) && !stored.contains(name);
    const auto& value = is_missing ? parameters[name.substr(kMaster.size())] : stored.at(name);
    if (value.sizes() != tensor.sizes())
      fail<CheckpointError>("{}: {}: the shape does not fit this model", path.string(), name);
    if (is_unfilled(tensor))
      at::Tensor(tensor).set_data(is_missing ? value.to(tensor.scalar_type()).clone()
                                             : value.to(tensor.scalar_type()));
    else
      at::Tensor(tensor).copy_(value);
  }
  for (const auto& parameter : parameters) {
    const auto master = std::string(kMaster) + parameter.key();
    if (tensors.masters.empty() && stored.contains(master))
      at::Tensor(parameter.value()).copy_(stored.at(master));
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

/// What the owner of parameter i keeps of it: its moments and the number of its updates.
std::vector<at::Tensor*> kept_of(Optimizer::State& state, std::size_t i) {
  std::vector<at::Tensor*> kept;
  for (auto& moment : state.moments) kept.push_back(&moment.values[i]);
  kept.push_back(&state.steps[i]);
  return kept;
}

/// Tensors of its shapes, to be filled.
std::vector<at::Tensor> empty_kept(const at::Tensor& parameter, std::size_t moments) {
  const auto options = parameter.options().requires_grad(false);
  std::vector<at::Tensor> kept;
  for (std::size_t k = 0; k < moments; ++k) kept.push_back(at::empty_like(parameter, options));
  kept.push_back(at::empty({}, options.dtype(at::kFloat)));
  return kept;
}

/// With the moments of parameters that other processes update.
Optimizer::State with_others(Optimizer& optimizer, ProcessGroup* group, bool wanted) {
  auto state = optimizer.state();
  const auto& owners = optimizer.owners();
  for (std::size_t i = 0; i < owners.size(); ++i) {
    const bool is_own = state.steps[i].defined();
    const auto received =
        is_own ? std::vector<at::Tensor>() : empty_kept(optimizer.parameters()[i], state.moments.size());
    const auto own = kept_of(state, i);
    for (std::size_t k = 0; k < own.size(); ++k) {
      const auto& tensor = is_own ? *own[k] : received[k];
      group->broadcast(tensor, owners[i]);
      if (wanted) *own[k] = tensor;
    }
  }
  return state;
}

/// The state with each moment's list made anew.
Optimizer::State with_moments(
    Optimizer::State state,
    const std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>& made) {
  for (auto& moment : state.moments) moment.values = made(moment.values);
  return state;
}

}  // namespace

TrainTensors whole_state(Optimizer& optimizer, const std::vector<at::Tensor>& average,
                         const StateHolders& holders, bool wanted) {
  if (holders.sharded == nullptr) {
    return {with_others(optimizer, holders.group, wanted), average,
            optimizer.has_masters() ? optimizer.parameters() : std::vector<at::Tensor>()};
  }
  const auto joined = [&](const std::vector<at::Tensor>& parts) {
    return parts.empty() ? parts : holders.sharded->joined(parts);
  };
  return {with_moments(optimizer.state(), joined), joined(average),
          holders.sharded->has_masters() ? joined(optimizer.parameters()) : std::vector<at::Tensor>()};
}

void share_train_state(const StateHolders& holders, SavedState& saved, const TrainTensors& whole,
                       Optimizer& optimizer, std::vector<at::Tensor>& average) {
  auto& group = *holders.group;
  const auto text = group.broadcast(dump_json(json_of(saved)));
  saved = state_of(Config(read_json<CheckpointError>(text, "the first process's state"), "state"));
  auto& own = optimizer.state();
  if (holders.sharded != nullptr) {
    for (std::size_t k = 0; k < own.moments.size(); ++k)
      holders.sharded->cut(group.is_first() ? whole.optimizer.moments[k].values : std::vector<at::Tensor>(),
                           own.moments[k].values);
    if (!average.empty()) holders.sharded->cut(whole.average, average);
    if (holders.sharded->has_masters()) holders.sharded->cut(whole.masters, optimizer.parameters());
    for (std::size_t i = 0; i < own.steps.size(); ++i) {
      if (group.is_first()) own.steps[i].copy_(whole.optimizer.steps[i]);
      group.broadcast(own.steps[i]);
    }
    return;
  }
  auto first = whole.optimizer;
  for (std::size_t i = 0; i < optimizer.parameters().size(); ++i) {
    const auto kept = kept_of(own, i);
    std::vector<at::Tensor> sent;
    if (group.is_first()) {
      for (const auto* tensor : kept_of(first, i)) sent.push_back(*tensor);
    } else {
      sent = empty_kept(optimizer.parameters()[i], own.moments.size());
    }
    for (std::size_t k = 0; k < kept.size(); ++k) {
      sent[k] = sent[k].to(optimizer.parameters()[i].device());
      group.broadcast(sent[k]);
      if (kept[k]->defined() && !kept[k]->is_same(sent[k])) kept[k]->copy_(sent[k]);
    }
  }
  for (auto& tensor : average) group.broadcast(tensor);
  if (optimizer.has_masters()) {
    for (const auto& master : optimizer.parameters()) group.broadcast(master);
  }
}

}  // namespace arzoo::runtime
