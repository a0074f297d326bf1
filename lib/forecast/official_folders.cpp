#include "forecast/official_folders.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/bytes.h"
#include "forecast/models/chronos_names.h"
#include "forecast/models/timesfm.h"
#include "io/tensor_files.h"

namespace arzoo::forecast {
namespace {

using Shape = std::vector<std::int64_t>;

std::map<std::string, Shape> shapes_in(const std::filesystem::path& folder) {
  std::map<std::string, Shape> shapes;
  for (const auto& file : io::open_tensor_files(folder)) {
    for (const auto& tensor : file.tensors) shapes.emplace(tensor.name, tensor.shape);
  }
  return shapes;
}

/// Shapes of a folder's tensors that must be there.
class ShapesOf {
 public:
  explicit ShapesOf(const std::filesystem::path& folder) : folder_(folder), shapes_(shapes_in(folder)) {}

  bool has(const std::string& name) const { return shapes_.contains(name); }
  std::int64_t size(const std::string& name, std::size_t axis) const {
    const auto found = shapes_.find(name);
    if (found == shapes_.end() || axis >= found->second.size() || found->second[axis] < 1)
      fail<CheckpointError>(
          "{}: the tensor {} is missing or has no axis {}, of which TimesFM's sizes are read",
          folder_.string(), in_quotes(name), axis);
    return found->second[axis];
  }
  /// How many layers "stacked_xf.i." there are.
  std::int64_t layers() const {
    std::set<std::string> numbers;
    for (const auto& [name, shape] : shapes_) {
      constexpr std::string_view kLayer = "stacked_xf.";
      if (!name.starts_with(kLayer)) continue;
      const auto end = name.find('.', kLayer.size());
      numbers.insert(name.substr(kLayer.size(), end - kLayer.size()));
    }
    return static_cast<std::int64_t>(numbers.size());
  }

 private:
  std::filesystem::path folder_;
  std::map<std::string, Shape> shapes_;
};

}  // namespace

void refuse_official_config(const Config& official, const std::string& name) {
  const auto key = official.has("model")        ? "model"
                   : official.has("model_type") ? "model_type"
                                                : "architectures";
  const auto say = [&](std::string_view what) { official.at(key).reject(std::string(what)); };
  if (has_architecture(official, "TimesFm2_5ModelForPrediction") ||
      has_architecture(official, "TimesFmModelForPrediction"))
    say("TimesFM in the format of transformers, whose tensors have other names (take the official PyTorch "
        "folder, google/timesfm-2.5-200m-pytorch)");
  if (name == "t5" || has_architecture(official, "T5ForConditionalGeneration")) {
    if (official.has("chronos_config"))
      say("Chronos-T5, the model of tokens that came before Chronos-Bolt and Chronos-2, which is not "
          "supported "
          "(take amazon/chronos-2 or amazon/chronos-bolt-small)");
    say("a T5 language model without \"chronos_config\", not a forecaster");
  }
  official.at(key).reject(fmt::format("no forecaster is called \"{}\"", name));
}

std::optional<Config> config_of_tensors(const std::filesystem::path& folder) {
  const ShapesOf shapes(folder);
  if (!shapes.has("stacked_xf.0.attn.qkv_proj.weight")) return std::nullopt;
  const TimesFmOptions published;
  const auto channels = published.channels();
  const auto width = shapes.size("tokenizer.hidden_layer.weight", 0),
             head = shapes.size("stacked_xf.0.attn.query_ln.scale", 0);
  if (width % head != 0)
    fail<CheckpointError>("{}: a width of {} is no multiple of the head size {}", folder.string(), width,
                          head);
  const Json config{
      {"model", TimesFmOptions::kName},
      {"model_dims", width},
      {"hidden_dims", shapes.size("stacked_xf.0.ff0.weight", 0)},
      {"num_layers", shapes.layers()},
      {"num_heads", width / head},
      {"input_patch_len", shapes.size("tokenizer.hidden_layer.weight", 1) / 2},
      {"output_patch_len", shapes.size("output_projection_point.output_layer.weight", 0) / channels},
      {"output_quantile_len", shapes.size("output_projection_quantiles.output_layer.weight", 0) / channels}};
  return Config(config, (folder / "model.safetensors").string());
}

}  // namespace arzoo::forecast
