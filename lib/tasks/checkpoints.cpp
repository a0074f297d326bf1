// inspect and convert: what can be done with a checkpoint whatever model it belongs to.

#include <torch/torch.h>

#include "core/tensor_files.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {

Json inspect(const plan::InspectTask& task, Progress&, Stop) {
  // Of a run directory, its best model.
  const bool run = plan::fs::exists(task.path / "model" / "model.safetensors");
  const auto summary = describe_tensors(run ? task.path / "model" : task.path, task.state_dict);
  Json result{{"path", task.path.string()},
              {"format", summary.format},
              {"parameters", summary.elements},
              {"bytes", summary.bytes}};
  if (!summary.state_dicts.empty()) result["state_dicts"] = summary.state_dicts;
  result["metadata"] = Json::object();
  for (const auto& [key, value] : summary.metadata) result["metadata"][key] = value;
  result["tensors"] = Json::array();
  for (const auto& row : summary.tensors) {
    result["tensors"].push_back({{"name", row.name},
                                 {"dtype", row.dtype},
                                 {"shape", row.shape},
                                 {"bytes", row.bytes},
                                 {"file", row.file}});
  }
  return result;
}

Json convert(const plan::ConvertTask& task, Progress&, Stop) {
  auto tensors = runtime::open_tensors(task.input, task.state_dict);
  if (tensors.empty()) fail<CheckpointError>("{}: holds no tensors", task.input.string());
  if (task.dry_run) {
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes();
    return {{"plan",
             {{"input", task.input.string()},
              {"output", task.output.string()},
              {"tensors", tensors.size()},
              {"bytes", bytes}}}};
  }
  // PyTorch's own loaders look for this.
  if (tensors.metadata.empty()) tensors.metadata.emplace_back("format", "pt");
  runtime::write_safetensors(task.output, tensors.entries(), tensors.metadata);
  return {{"output", task.output.string()},
          {"tensors", tensors.size()},
          {"bytes", plan::fs::file_size(task.output)}};
}

}  // namespace arzoo::tasks
