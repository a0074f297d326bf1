#include "image/score_pictures.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "image/axial_generator.h"
#include "io/idx_file.h"
#include "io/picture_file.h"
#include "runtime/model_folder.h"
#include "runtime/parameter_count.h"
#include "runtime/picture_tensor.h"

namespace arzoo::image {
namespace {

namespace fs = std::filesystem;

/// Pictures of one source, a batch at a time: a picture's file, or an IDX file of many.
class PictureSource {
 public:
  PictureSource(const fs::path& path, const AxialOptions& model) : path_(path), model_(model) {
    if (io::is_picture_name(path)) {
      pictures_.push_back(checked(io::read_picture(path)));
      return;
    }
    file_ = io::read_idx(path);
    const auto& sizes = file_.sizes;
    if (sizes.size() != 3)
      fail<DataError>("{}: an array of {} axes, expected pictures [N, H, W]", path.string(), sizes.size());
    if (sizes[0] == 0) fail<DataError>("{}: no pictures", path.string());
    check_size(sizes[2], sizes[1], 1);
  }

  int64_t size() const { return file_.sizes.empty() ? 1 : file_.sizes[0]; }
  /// [B, 3, H, W] in [-1, 1].
  at::Tensor batch(int64_t first, int64_t count) const {
    std::vector<at::Tensor> pictures;
    for (int64_t i = first; i < first + count; ++i) pictures.push_back(runtime::tensor_of(picture(i)));
    return at::cat(pictures);
  }

 private:
  io::Picture picture(int64_t index) const {
    if (file_.sizes.empty()) return pictures_.front();
    const auto pixels = file_.sizes[1] * file_.sizes[2];
    io::Picture one{.width = file_.sizes[2], .height = file_.sizes[1], .channels = 1};
    const auto begin = file_.bytes.begin() + static_cast<std::ptrdiff_t>(index * pixels);
    one.pixels.assign(begin, begin + static_cast<std::ptrdiff_t>(pixels));
    return one;
  }
  io::Picture checked(io::Picture picture) const {
    check_size(picture.width, picture.height, picture.channels);
    return picture;
  }
  void check_size(int64_t width, int64_t height, int64_t channels) const {
    if (width != model_.img_width || height != model_.img_height) {
      fail<DataError>("{}: {} x {} pixels, expected {} x {} as the model has (a likelihood is not resized)",
                      path_.string(), width, height, model_.img_width, model_.img_height);
    }
    if (channels > model_.img_channels)
      fail<DataError>("{}: a colour picture, expected a grey one as the model has learnt", path_.string());
  }

  fs::path path_;
  const AxialOptions& model_;
  io::IdxArray file_;
  std::vector<io::Picture> pictures_;
};

/// Bits per dimension of each picture, [N] in double.
at::Tensor bits_of(const Axial& model, const PictureSource& source, int64_t batch_size, at::Device device,
                   Stop stop) {
  std::vector<at::Tensor> bits;
  for (int64_t first = 0; first < source.size(); first += batch_size) {
    if (stop.load()) fail<Interrupted>("interrupted");
    const auto pictures = source.batch(first, std::min(batch_size, source.size() - first)).to(device);
    const auto x = levels_of(pictures, model.options());
    const auto labels = at::full({x.size(0)}, model.options().class_num, x.options());
    const auto nats = model.nats(x, model.condition_of(labels)).to(at::kDouble);
    bits.push_back(nats.mean({1, 2, 3}).cpu() / std::numbers::ln2);
  }
  return at::cat(bits);
}

}  // namespace

Json run_score_pictures(const plan::ScoreTask& task, const runtime::CommandContext& context) {
  for (const auto& [given, option] :
       {std::pair{task.context.has_value(), "--context"}, std::pair{task.stride.has_value(), "--stride"}})
    if (given) fail<UsageError>("{}: means nothing to a model of pictures", option);
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  if (compute.quantizes())
    fail<UsageError>("--quantize: likelihoods of pictures are computed in fp32 or bf16");
  runtime::set_threads(task.compute.threads);
  const auto folder = find_model_folder(task.model);
  if (!folder) fail<CheckpointError>("{}: no model folder of pictures", task.model.string());
  if (const auto name = folder->model.value("name", ""); name != AxialOptions::kName)
    fail<UsageError>("{}: a model \"{}\", which has no likelihood of pixels, expected \"{}\"",
                     task.model.string(), name, AxialOptions::kName);
  const auto model = open_axial(*folder, compute.dtype);
  model->to(compute.device);
  if (compute.device.is_cpu()) kernels::pack_for_inference(*model);
  std::vector<fs::path> files;
  for (const auto& input : task.inputs) {
    const auto own = io::pictures_of(input);
    files.insert(files.end(), own.begin(), own.end());
  }
  const auto& options = model->options();
  if (task.dry_run) {
    return {{"plan",
             {{"parameters", runtime::count_parameters(*model).all},
              {"files", files.size()},
              {"width", options.img_width},
              {"height", options.img_height},
              {"channels", options.img_channels},
              {"levels", options.num_embs}}}};
  }
  const c10::InferenceMode inference;
  const auto start = std::chrono::steady_clock::now();
  Json rows = Json::array();
  context.progress.begin("files", static_cast<int64_t>(files.size()));
  for (const auto& path : files) {
    const auto bits =
        bits_of(*model, PictureSource(path, options), task.batch_size, compute.device, context.stop);
    Json row{{"path", path.string()},
             {"pictures", bits.numel()},
             {"dimensions", options.img_height * options.img_width * options.img_channels},
             {"bits_per_dim", bits.mean().item<double>()}};
    if (bits.numel() > 1) row["bits_per_dim_std"] = bits.std().item<double>();
    rows.push_back(std::move(row));
    context.progress.step();
  }
  context.progress.end();
  return {{"files", std::move(rows)},
          {"levels", options.num_embs},
          {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()}};
}

}  // namespace arzoo::image
