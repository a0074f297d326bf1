#include "runtime/initial_weights.h"

#include <torch/torch.h>

#include <algorithm>
#include <set>

#include "core/bytes.h"
#include "core/closest.h"
#include "core/display_text.h"
#include "core/name_pattern.h"
#include "core/run_dir.h"
#include "runtime/derived_tables.h"
#include "runtime/named_tensors.h"
#include "runtime/other_names.h"

namespace arzoo::runtime {
namespace {

namespace fs = std::filesystem;

/// The names of all parameters and of all modules that have any.
std::vector<std::string> names_in(const torch::nn::Module& model) {
  std::set<std::string> modules;
  std::vector<std::string> names;
  for (const auto& parameter : model.named_parameters()) {
    const auto& name = parameter.key();
    names.push_back(name);
    for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      modules.insert(name.substr(0, dot));
  }
  names.insert(names.begin(), modules.begin(), modules.end());
  return names;
}

}  // namespace

std::string load_initial_weights(torch::nn::Module& model, const TrainingOptions& options) {
  const fs::path path = options.init_from;
  if (!fs::exists(path)) {
    fail<CheckpointError>(
        "{}: no such file or folder (training.init_from expects a run directory, a model folder or a weights "
        "file)",
        path.string());
  }
  const auto stored = in_names_of(model, open_tensors(model_place(path)));
  const auto excepted = [&](std::string_view name) {
    return std::any_of(options.init_except.begin(), options.init_except.end(),
                       [&](const std::string& pattern) { return means_name(pattern, name); });
  };
  load_strictly(model, stored, path.string(), excepted);
  std::vector<std::string> fresh;
  std::size_t loaded = 0;
  for (const auto& [name, tensor] : state_dict(model)) {
    const auto* source = stored.find(name);
    const bool taken = source != nullptr && (!excepted(name) || source->sizes() == tensor.sizes());
    const bool is_computed = source == nullptr && is_derived_table(name, tensor);
    if (taken) ++loaded;
    if (!taken && !is_computed) fresh.push_back(name);
  }
  auto told = fmt::format("initial weights loaded: {} tensors from {}", loaded, path.string());
  if (!stored.dict.empty()) told += fmt::format(" ({})", in_quotes(stored.dict));
  if (!fresh.empty()) told += fmt::format("; {} start fresh ({})", fresh.size(), first_few(fresh, in_quotes));
  return told;
}

void select_trainable(torch::nn::Module& model, const Config& trainable) {
  const auto patterns = trainable.elements();
  if (patterns.empty()) return;
  std::set<std::string> chosen;
  for (const auto& pattern : patterns) {
    const auto text = pattern.text();
    bool any = false;
    for (const auto& parameter : model.named_parameters()) {
      if (!parameter.value().requires_grad() || !means_name(text, parameter.key())) continue;
      chosen.insert(parameter.key());
      any = true;
    }
    if (any) continue;
    const auto near = closest(text, names_in(model));
    pattern.reject(fmt::format("\"{}\" means no parameter of the model{}", text,
                               near ? fmt::format(" (did you mean \"{}\"?)", *near) : ""));
  }
  for (auto& parameter : model.named_parameters()) {
    if (!chosen.contains(parameter.key())) parameter.value().set_requires_grad(false);
  }
}

}  // namespace arzoo::runtime
