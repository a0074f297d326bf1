#include "language/quantised_folder.h"

#include <torch/torch.h>

#include <map>

#include "core/bytes.h"
#include "core/run_dir.h"
#include "io/stored_tensor.h"
#include "kernels/int4.h"
#include "kernels/packed_weights.h"
#include "kernels/quantized_weights.h"
#include "language/text_folder.h"
#include "runtime/model_folder.h"
#include "runtime/safetensors.h"

namespace arzoo::language {
namespace {

namespace fs = std::filesystem;

/// What the metadata say, and the name of a weight's scales in 8 bits; those in 4 bits lie in its rows.
constexpr std::string_view kForm = "quantization", kScales = ".scales";

Quantization form_named(std::string_view name, std::string_view where) {
  if (name == "int8") return Quantization::int8;
  if (name == "int4") return Quantization::int4;
  fail<CheckpointError>("{}: weights in \"{}\", expected int8 or int4", where, name);
}

const std::string* form_text(const runtime::NamedTensors& tensors) {
  for (const auto& [key, value] : tensors.metadata) {
    if (key == kForm) return &value;
  }
  return nullptr;
}

/// Adds a weight in its form to what a file holds.
void store(const std::string& name, const at::Tensor& weight, Quantization form,
           std::vector<runtime::NamedTensors::Entry>& entries) {
  if (form == Quantization::int4) {
    entries.emplace_back(name, kernels::int4_weight(weight));
  } else {
    const auto rows = kernels::quantize_rows(weight.detach());
    entries.emplace_back(name, rows.values);
    entries.emplace_back(name + std::string(kScales), rows.scales);
  }
}

/// The stored form of a weight, as kernels::quantized_weight makes it.
class StoredWeights {
 public:
  StoredWeights(const runtime::NamedTensors& tensors, std::string_view where)
      : tensors_(tensors), where_(where) {}

  /// Whether a tensor is not a weight in full.
  bool holds(std::string_view name) const {
    const auto* found = tensors_.find(name);
    return (found != nullptr && !found->is_floating_point()) || is_scales(name);
  }

  at::Tensor of(const std::string& name, const kernels::QuantizableWeight& wanted) const {
    const auto& stored = tensors_.at(name);
    const auto rows = wanted.weight.size(0), width = wanted.weight.size(1);
    if (wanted.form == Quantization::int4) {
      require(name, stored, at::kByte, {rows, kernels::int4_bytes(width)});
      return stored.contiguous();
    }
    const auto scales = name + std::string(kScales);
    require(name, stored, at::kChar, {rows, width});
    require(scales, tensors_.at(scales), at::kFloat, {rows});
    return kernels::int8_tensor({stored.contiguous(), tensors_.at(scales).contiguous()});
  }

 private:
  bool is_scales(std::string_view name) const {
    if (!name.ends_with(kScales)) return false;
    const auto* weight = tensors_.find(name.substr(0, name.size() - kScales.size()));
    return weight != nullptr && weight->scalar_type() == at::kChar;
  }

  void require(const std::string& name, const at::Tensor& tensor, at::ScalarType type,
               const std::vector<int64_t>& sizes) const {
    if (tensor.scalar_type() == type && tensor.sizes() == sizes) return;
    fail<CheckpointError>("{}: {} is {} {}, expected {} {}", where_, in_quotes(name),
                          c10::toString(tensor.scalar_type()), io::shown(tensor.sizes()), c10::toString(type),
                          io::shown(sizes));
  }

  const runtime::NamedTensors& tensors_;
  std::string_view where_;
};

/// The type of the folder's numbers, which those that are not rounded keep.
at::ScalarType type_of(const fs::path& place) {
  const auto tensors = runtime::open_tensors(place);
  if (are_quantised(tensors))
    fail<UsageError>("convert --quantize: {}: its weights are in {} already", place.string(),
                     *form_text(tensors));
  for (const auto& [name, tensor] : tensors) {
    if (tensor.is_floating_point()) return tensor.scalar_type();
  }
  fail<CheckpointError>("{}: holds no weights", place.string());
}

}  // namespace

bool are_quantised(const runtime::NamedTensors& tensors) { return form_text(tensors) != nullptr; }

void take_quantised(torch::nn::Module& model, const runtime::NamedTensors& tensors,
                    const runtime::Compute& compute, std::string_view where) {
  if (!compute.device.is_cpu())
    fail<UsageError>("{}: weights in {} are for a CPU (--device cpu)", where, *form_text(tensors));
  const auto form = form_named(*form_text(tensors), where);
  const StoredWeights stored(tensors, where);
  runtime::NamedTensors in_full(tensors.where());
  std::map<std::string, bool> taken;
  for (const auto& [name, tensor] : tensors) {
    if (!stored.holds(name)) {
      in_full.add(name, tensor);
    } else if (!tensor.is_floating_point()) {
      taken[name] = false;
    }
  }
  runtime::take_strictly(model, in_full, compute.dtype, where,
                         [&](std::string_view name) { return taken.contains(std::string(name)); });
  const torch::NoGradGuard no_grad;
  kernels::for_each_packed_layer(model, [&](const std::string& prefix, kernels::PackedForInference& layer) {
    for (const auto& weight : layer.quantizable(form)) {
      const auto found = taken.find(prefix + weight.name);
      if (found == taken.end() || found->second) continue;
      layer.take_packed(weight.name, stored.of(found->first, weight));
      found->second = true;
    }
  });
  for (const auto& [name, done] : taken) {
    if (!done)
      fail<CheckpointError>("{}: {} is no weight that this model has in {}", where, in_quotes(name),
                            *form_text(tensors));
  }
}

Json quantise_model(const plan::ConvertTask& task, const runtime::CommandContext& context) {
  runtime::set_threads(task.threads);
  const auto place = model_place(task.input);
  const auto opened = open_text_model(task.input, {.device = at::kCPU, .dtype = type_of(place)});
  const auto form = form_named(task.quantize, "--quantize");
  const torch::NoGradGuard no_grad;
  std::map<std::string, kernels::QuantizableWeight> wanted;
  kernels::for_each_packed_layer(*opened.model,
                                 [&](const std::string& prefix, const kernels::PackedForInference& layer) {
                                   for (auto& weight : layer.quantizable(form))
                                     wanted.try_emplace(prefix + weight.name, std::move(weight));
                                 });
  if (wanted.empty())
    fail<UsageError>("convert --quantize: {}: a {} has no weights that can be in {}", task.input.string(),
                     opened.options.value("name", ""), task.quantize);
  const auto all = runtime::state_dict(*opened.model);
  std::vector<runtime::NamedTensors::Entry> entries;
  context.progress.begin("weights", static_cast<int64_t>(all.size()));
  for (const auto& [name, tensor] : all) {
    const auto found = wanted.find(name);
    if (found == wanted.end()) {
      entries.emplace_back(name, tensor);
    } else {
      store(name, found->second.weight.contiguous(), found->second.form, entries);
    }
    context.progress.step();
    stop_if_asked(context.stop, "rounding weights");
  }
  context.progress.end();
  Json config{{"family", "language"}, {"model", opened.options}};
  if (opened.context) config["context"] = *opened.context;
  if (!opened.ends.empty()) config["eos_token_id"] = opened.ends;
  runtime::write_model_folder(task.output, config, entries,
                              {{"format", "pt"}, {std::string(kForm), task.quantize}});
  copy_tokenizer_files(place, task.output);
  return {{"output", task.output.string()},
          {"tensors", entries.size()},
          {"quantized", wanted.size()},
          {"bytes", fs::file_size(task.output / "model.safetensors")}};
}

}  // namespace arzoo::language
