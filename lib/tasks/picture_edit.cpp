#include "tasks/picture_edit.h"

#include <torch/torch.h>

#include "io/picture_file.h"
#include "runtime/picture_tensor.h"

namespace arzoo::tasks {
namespace {

using runtime::PixelBox;

/// True in the boxes. [H, W] bool.
at::Tensor inside(const std::vector<PixelBox>& boxes, int64_t height, int64_t width, const char* option) {
  auto mask = at::zeros({height, width}, at::kBool);
  for (const auto& box : boxes) {
    if (box.x + box.width > width || box.y + box.height > height) {
      fail<UsageError>("{}: the box {},{},{},{} leaves the picture of {} x {} pixels", option, box.x, box.y,
                       box.width, box.height, width, height);
    }
    mask.narrow(0, box.y, box.height).narrow(1, box.x, box.width).fill_(true);
  }
  return mask;
}

/// Where to generate, in the picture's own pixels.
at::Tensor paint_of(const plan::GenerateImageTask& task, int64_t height, int64_t width) {
  if (!task.mask) {
    return task.keep.empty() ? inside(task.paint, height, width, "--paint")
                             : inside(task.keep, height, width, "--keep").logical_not();
  }
  const auto mask = io::read_picture(*task.mask);
  if (mask.width != width || mask.height != height) {
    fail<DataError>("{}: {} x {} pixels, expected {} x {} as the picture has", task.mask->string(),
                    mask.width, mask.height, width, height);
  }
  return runtime::tensor_of(mask).mean(1).gt(0.0)[0];
}

Json boxes_json(const std::vector<PixelBox>& boxes) {
  Json list = Json::array();
  for (const auto& box : boxes) list.push_back({box.x, box.y, box.width, box.height});
  return list;
}

Json settings_of(const plan::GenerateImageTask& task) {
  Json settings{{"edit", task.edit->string()}};
  if (task.mask) settings["mask"] = task.mask->string();
  if (!task.paint.empty()) settings["paint"] = boxes_json(task.paint);
  if (!task.keep.empty()) settings["keep"] = boxes_json(task.keep);
  return settings;
}

}  // namespace

PictureEdit::PictureEdit(const plan::GenerateImageTask& task, runtime::ImageGenerator& generator,
                         Progress& progress)
    : picture_(io::read_picture(*task.edit)), settings_(settings_of(task)) {
  const auto paint = paint_of(task, picture_.height, picture_.width).contiguous();
  const auto* first = paint.const_data_ptr<bool>();
  paint_.assign(first, first + paint.numel());
  const int64_t height = generator.height(), width = generator.width();
  if (picture_.height != height || picture_.width != width) {
    progress.note(fmt::format("{}: generated at the model's {} x {} pixels, written at the picture's {} x {}",
                              task.edit->string(), width, height, picture_.width, picture_.height));
  }
  // A pixel of the model's is painted where any of the picture's that it covers is.
  const auto seen = at::adaptive_max_pool2d(
      paint.to(at::kFloat).view({1, 1, picture_.height, picture_.width}), {height, width});
  generator.edit(runtime::resized(runtime::tensor_of(picture_), height, width),
                 std::get<0>(seen)[0][0].gt(0.5));
}

io::Picture PictureEdit::finished(const at::Tensor& image, int64_t channels) const {
  const auto made = runtime::picture_of(runtime::resized(image.unsqueeze(0), height(), width())[0], channels);
  io::Picture result{.width = width(), .height = height(), .channels = std::max(channels, picture_.channels)};
  result.pixels.reserve(static_cast<std::size_t>(result.row_bytes() * result.height));
  for (std::size_t i = 0; i < paint_.size(); ++i) {
    const auto& from = paint_[i] != 0 ? made : picture_;
    const auto* pixel = from.pixels.data() + i * static_cast<std::size_t>(from.channels);
    for (int64_t c = 0; c < result.channels; ++c) result.pixels.push_back(pixel[from.channels == 1 ? 0 : c]);
  }
  return result;
}

}  // namespace arzoo::tasks
