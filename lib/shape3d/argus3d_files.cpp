#include "shape3d/argus3d_files.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "runtime/memory_budget.h"

namespace arzoo::shape3d {
namespace {

namespace fs = std::filesystem;
using runtime::NamedTensors;

constexpr const char* kStage1 = "vqvae_model.";
constexpr const char* kStage2 = "transformer_model.";
constexpr int64_t kHeadWidth = 128;

/// The released classes, in the order of the release.
constexpr const char* kClasses[] = {
    "plane",      "ashcan",    "bag",      "basket",     "bathtub",      "bed",     "bench",
    "birdhouse",  "bookshelf", "bottle",   "bowl",       "bus",          "cabinet", "camera",
    "can",        "cap",       "car",      "cell_phone", "chair",        "clock",   "keyboard",
    "dishwasher", "display",   "earphone", "faucet",     "file_cabinet", "guitar",  "helmet",
    "jar",        "knife",     "lamp",     "laptop",     "loudspeaker",  "mailbox", "microphone",
    "microwave",  "bike",      "mug",      "piano",      "pillow",       "pistol",  "flowerpot",
    "printer",    "remote",    "rifle",    "rocket",     "skateboard",   "sofa",    "stove",
    "table",      "telephone", "tower",    "train",      "vessel",       "washer"};

/// The tensors below `prefix`, under their names without it.
NamedTensors below(const NamedTensors& all, const std::string& prefix) {
  NamedTensors own(all.where());
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) own.add(name.substr(prefix.size()), tensor);
  }
  return own;
}

/// The size along one axis of a tensor that must have `dim` of them.
int64_t size_of(const NamedTensors& weights, const std::string& name, int64_t dim, int64_t axis) {
  const auto& tensor = weights.at(name);
  if (tensor.dim() != dim)
    fail<CheckpointError>("{}: {} has {} axes, expected {}", weights.where(), name, tensor.dim(), dim);
  return tensor.size(axis);
}

/// Modules `prefix`.0, `prefix`.1, … of which the tensor `name` is there.
int64_t count_modules(const NamedTensors& weights, const std::string& prefix, const std::string& name) {
  int64_t n = 0;
  while (weights.contains(fmt::format("{}.{}.{}", prefix, n, name))) ++n;
  return n;
}

/// Options read from weights, checked like those of a config.
template <class Options>
Options checked(const Options& options, const NamedTensors& weights) {
  try {
    return Config(arzoo::to_json(options), weights.where()).template as<Options>();
  } catch (const ConfigError& error) {
    throw CheckpointError(error.what());
  }
}

/// A model for inference with the weights.
template <class Model, class Options>
std::shared_ptr<Model> loaded(const Options& options, const NamedTensors& weights, at::ScalarType type) {
  const Config section(arzoo::to_json(options), std::string(Options::kName), "/model");
  auto model = runtime::within_memory(section, [&] { return std::make_shared<Model>(options); });
  model->set_type(type);
  runtime::load_strictly(*model, weights, weights.where());
  model->eval();
  return model;
}

/// model_stage1.pt where the released program looks for it, or beside the file.
std::optional<fs::path> stage1_file(const fs::path& path) {
  std::error_code ignored;
  const auto folder = fs::absolute(path).parent_path();
  for (const auto& place : {folder, folder.parent_path().parent_path()}) {
    const auto file = place / "model_stage1.pt";
    if (fs::is_regular_file(file, ignored)) return file;
  }
  return std::nullopt;
}

UNet2dOptions unet_of(const NamedTensors& weights) {
  UNet2dOptions options;
  options.depth = count_modules(weights, "encoder.unet.down_convs", "conv1.weight");
  options.start_filts = size_of(weights, "encoder.unet.down_convs.0.conv1.weight", 4, 0);
  const std::string first = "encoder.unet.up_convs.0.";
  if (!weights.contains(first + "conv1.weight")) return options;
  if (weights.contains(first + "upconv.1.weight")) options.up_mode = "upsample";
  const auto name = first + "conv1.weight";
  if (size_of(weights, name, 4, 1) == size_of(weights, name, 4, 0)) options.merge_mode = "add";
  return options;
}

}  // namespace

Argus3dOptions argus3d_options_of(const NamedTensors& weights) {
  Argus3dOptions options;
  auto& sizes = options.stage2_model_kwargs;
  options.classes = size_of(weights, "class_embedding.weight", 2, 0);
  options.embedding_num = size_of(weights, "emb.weight", 2, 0);
  const int64_t width = size_of(weights, "emb.weight", 2, 1);
  sizes.transformer_embed_dim = sizes.stage2_embed_dim = width;
  sizes.transformer_n_head = width % kHeadWidth == 0 ? std::max<int64_t>(1, width / kHeadWidth) : 1;
  sizes.transformer_layer = count_modules(weights, "blocks", "attn.query.weight");
  sizes.position_num = size_of(weights, "pos_emb.weight", 2, 0) - 1;
  sizes.sequence_length = sizes.position_num + 1;
  return checked(options, weights);
}

Argus3dVqOptions argus3d_vq_options_of(const NamedTensors& weights, int64_t tokens) {
  Argus3dVqOptions options;
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
  if (side * side != tokens)
    fail<CheckpointError>("{}: {} tokens of a shape, expected a square", weights.where(), tokens);
  options.plane_resolution = 8 * side;
  options.c_dim = size_of(weights, "encoder.fc_c.weight", 2, 0);
  options.hidden_dim = size_of(weights, "encoder.fc_c.weight", 2, 1);
  options.n_blocks = count_modules(weights, "encoder.blocks", "fc_0.weight");
  options.widths = {
      size_of(weights, "quantizer.down.0.weight", 4, 1), size_of(weights, "quantizer.down.0.weight", 4, 0),
      size_of(weights, "quantizer.down.2.weight", 4, 0), size_of(weights, "quantizer.down.4.weight", 4, 0)};
  options.embedding_dim = size_of(weights, "quantizer.down.6.weight", 4, 0);
  options.embedding_num = size_of(weights, "quantizer.quantizer.embedding.weight", 2, 0);
  options.reduce_dim = size_of(weights, "quantizer.quantizer.embedding.weight", 2, 1);
  options.decoder_hidden_size = size_of(weights, "decoder.fc_p.weight", 2, 0);
  options.unet_kwargs = unet_of(weights);
  return checked(options, weights);
}

bool is_argus3d_file(const fs::path& path) {
  const auto names = runtime::open_tensors(path).names();
  const auto any = [&](const std::string& wanted) {
    return std::find(names.begin(), names.end(), wanted) != names.end();
  };
  return any(std::string(kStage2) + "value_start") && any(std::string(kStage1) + "quantizer.project1.weight");
}

Argus3dFiles open_argus3d_file(const fs::path& path, at::ScalarType type) {
  const auto all = runtime::open_tensors(path);
  const auto transformer = below(all, kStage2);
  require_tied(transformer);
  Argus3dFiles files;
  const auto options = argus3d_options_of(transformer);
  files.model = loaded<Argus3d>(options, transformer, type);
  const auto own = stage1_file(path);
  const auto stage1 = own ? runtime::open_tensors(*own) : below(all, kStage1);
  files.tokenizer = loaded<Argus3dVq>(argus3d_vq_options_of(stage1, options.tokens()), stage1, type);
  if (options.classes == static_cast<int64_t>(std::size(kClasses)))
    files.classes.assign(std::begin(kClasses), std::end(kClasses));
  return files;
}

}  // namespace arzoo::shape3d
