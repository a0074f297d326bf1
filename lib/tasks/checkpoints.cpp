// inspect and convert: what can be done with a checkpoint whatever model it belongs to, and with a file of
// pictures or meshes.

#include <torch/torch.h>

#include <algorithm>

#include "core/json_reader.h"
#include "core/mapped_file.h"
#include "core/run_dir.h"
#include "io/jpeg_file.h"
#include "io/mesh_file.h"
#include "io/png_file.h"
#include "io/step_plugin.h"
#include "io/tensor_files.h"
#include "io/tokenizer.h"
#include "registry/registry.h"
#include "runtime/device.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

/// A text of our own is JSON and is shown by its members.
Json read_text(const std::string& text) {
  auto parsed = try_read_json(text);
  return parsed && parsed->is_object() ? std::move(*parsed) : Json(text);
}

Json inspect_picture(const plan::fs::path& path, std::string_view bytes) {
  const bool png = io::is_png(bytes);
  const auto summary = png ? io::describe_png(bytes, path.string()) : io::describe_jpeg(bytes, path.string());
  Json result{{"path", path.string()},    {"format", png ? "PNG" : "JPEG"}, {"width", summary.width},
              {"height", summary.height}, {"color", summary.color},         {"bit_depth", summary.bit_depth},
              {"bytes", bytes.size()}};
  result["texts"] = Json::object();
  for (const auto& [keyword, text] : summary.texts) result["texts"][keyword] = read_text(text);
  return result;
}

Json inspect_mesh(const plan::fs::path& path) {
  const auto mesh = io::read_mesh(path);
  const auto summary = summarise(io::welded(mesh));
  const auto list = [](io::Vec3 point) { return Json::array({point.x, point.y, point.z}); };
  auto format = path.extension().string().substr(1);
  std::transform(format.begin(), format.end(), format.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return {{"path", path.string()},
          {"format", format},
          {"bytes", plan::fs::file_size(path)},
          {"vertices", mesh.vertices.size()},
          {"triangles", mesh.triangles.size()},
          {"welded",
           {{"vertices", summary.vertices}, {"edges", summary.edges}, {"triangles", summary.triangles}}},
          {"components", summary.components},
          {"euler", summary.euler},
          {"watertight", summary.is_watertight()},
          {"open_edges", summary.open_edges},
          {"volume", summary.volume},
          {"area", summary.area},
          {"low", list(summary.box.low)},
          {"high", list(summary.box.high)}};
}

Json inspect_step(const plan::fs::path& path) {
  io::CadSummary summary;
  const auto error = io::cad_plugin(path.string()).describe(path.string(), {}, summary);
  if (!error.empty()) fail<DataError>("{}: {}", path.string(), error);
  Json surfaces = Json::object();
  for (const auto& [kind, count] : summary.surfaces) surfaces[kind] = count;
  return {{"path", path.string()},    {"format", "STEP"},         {"bytes", plan::fs::file_size(path)},
          {"solids", summary.solids}, {"shells", summary.shells}, {"faces", summary.faces},
          {"surfaces", surfaces},     {"edges", summary.edges},   {"vertices", summary.vertices},
          {"closed", summary.closed}, {"valid", summary.valid},   {"volume", summary.volume},
          {"area", summary.area},     {"low", summary.low},       {"high", summary.high}};
}

/// What the families tell of a model by the config beside its weights, by key.
Json description_of(const plan::fs::path& place) {
  Json described = Json::object();
  const auto path = place / "config.json";
  if (!plan::fs::is_regular_file(path)) return described;
  const auto file = MappedFile::open(path);
  auto json = try_read_json(file->bytes());
  if (!json || !json->is_object()) return described;
  const Config config(std::move(*json), path.string());
  for (const auto* family : registry::families()) {
    if (family->describe_folder != nullptr) described.update(family->describe_folder(config));
  }
  return described;
}

/// A tokenizer, and what it makes of texts.
Json inspect_tokenizer(const plan::InspectTask& task) {
  const auto tokenizer = io::open_tokenizer(task.path);
  Json result{{"path", task.path.string()},
              {"format", std::string(tokenizer->kind())},
              {"vocabulary", tokenizer->size()}};
  if (const auto end = tokenizer->end()) result["end"] = {{"id", *end}, {"piece", tokenizer->piece(*end)}};
  result["texts"] = Json::array();
  for (const auto& text : task.texts) {
    const auto ids = tokenizer->encode(text);
    std::vector<std::string> pieces;
    for (const auto id : ids) pieces.push_back(tokenizer->piece(id));
    result["texts"].push_back(
        {{"text", text}, {"ids", ids}, {"pieces", pieces}, {"decoded", tokenizer->decode(ids)}});
  }
  return result;
}

}  // namespace

Json inspect(const plan::InspectTask& task, Progress&, Stop) {
  if (!task.texts.empty() || io::is_tokenizer_file(task.path)) return inspect_tokenizer(task);
  if (plan::fs::is_regular_file(task.path)) {
    if (io::is_mesh_name(task.path)) return inspect_mesh(task.path);
    if (io::is_step_name(task.path)) return inspect_step(task.path);
    const auto file = MappedFile::open(task.path);
    if (io::is_png(file->bytes()) || io::is_jpeg(file->bytes()))
      return inspect_picture(task.path, file->bytes());
  }
  const auto summary = io::describe_tensors(model_place(task.path), task.state_dict);
  Json result{{"path", task.path.string()},
              {"format", summary.format},
              {"parameters", summary.elements},
              {"bytes", summary.bytes}};
  if (!summary.state_dicts.empty()) result["state_dicts"] = summary.state_dicts;
  if (!summary.opaque.empty()) result["not_read"] = summary.opaque;
  result.update(description_of(model_place(task.path)));
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

namespace {

/// The tensors with their floating-point numbers in another type. Throws CheckpointError for one that has a
/// number which is finite as it is and infinite in that type.
std::vector<runtime::NamedTensors::Entry> in_type(const runtime::NamedTensors& tensors, at::ScalarType type) {
  std::vector<runtime::NamedTensors::Entry> converted;
  for (const auto& [name, tensor] : tensors) {
    const auto& own =
        converted.emplace_back(name, tensor.is_floating_point() ? tensor.to(type) : tensor).second;
    if (own.scalar_type() == type && tensor.numel() > 0 &&
        !at::isinf(own).eq(at::isinf(tensor)).all().item<bool>())
      fail<CheckpointError>("{}: {} has numbers that are too large for {}", tensors.where(), name,
                            at::toString(type));
  }
  return converted;
}

}  // namespace

Json convert(const plan::ConvertTask& task, Progress& progress, Stop stop) {
  if ((!task.factorize.empty() || !task.quantize.empty()) && !task.dry_run)
    return run_family_command(task, progress, stop);
  auto tensors = runtime::open_tensors(model_place(task.input), task.state_dict);
  if (tensors.empty()) fail<CheckpointError>("{}: holds no tensors", task.input.string());
  if (task.dry_run) {
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes();
    Json plan{{"input", task.input.string()},
              {"output", task.output.string()},
              {"tensors", tensors.size()},
              {"bytes", bytes}};
    if (!tensors.dict.empty()) plan["state_dict"] = tensors.dict;
    return {{"plan", std::move(plan)}};
  }
  // PyTorch's own loaders look for this.
  if (tensors.metadata.empty()) tensors.metadata.emplace_back("format", "pt");
  if (task.dtype.empty()) {
    runtime::write_safetensors(task.output, tensors.entries(), tensors.metadata);
  } else {
    const auto type = runtime::scalar_type_named(task.dtype);
    runtime::write_safetensors(task.output, in_type(tensors, type), tensors.metadata);
  }
  Json result{{"output", task.output.string()},
              {"tensors", tensors.size()},
              {"bytes", plan::fs::file_size(task.output)}};
  if (!tensors.dict.empty()) result["state_dict"] = tensors.dict;
  return result;
}

}  // namespace arzoo::tasks
