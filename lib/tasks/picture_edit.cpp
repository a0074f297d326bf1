#include "tasks/picture_edit.h"

#include <torch/torch.h>

#include "core/picture_file.h"
#include "image/picture_tensor.h"

namespace arzoo::tasks {
namespace {

using image::PixelBox;

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

/// Where to draw, in the picture's own pixels.
at::Tensor paint_of(const plan::GenerateImageTask& task, int64_t height, int64_t width) {
  if (!task.mask) {
    return task.keep.empty() ? inside(task.paint, height, width, "--paint")
                             : inside(task.keep, height, width, "--keep").logical_not();
  }
  const auto mask = read_picture(*task.mask);
  if (mask.width != width || mask.height != height) {
    fail<DataError>("{}: {} x {} pixels, expected {} x {} as the picture has", task.mask->string(),
                    mask.width, mask.height, width, height);
  }
  return image::tensor_of(mask).mean(1).gt(0.0)[0];
}

}  // namespace

void apply_edit(const plan::GenerateImageTask& task, image::ImageGenerator& generator, Progress& progress) {
  if (!task.edit) return;
  const auto picture = read_picture(*task.edit);
  const auto paint = paint_of(task, picture.height, picture.width);
  const int64_t height = generator.height(), width = generator.width();
  if (picture.height != height || picture.width != width) {
    progress.note(fmt::format("{}: resized from {} x {} to the model's {} x {} pixels", task.edit->string(),
                              picture.width, picture.height, width, height));
  }
  const auto share =
      image::resized(paint.to(at::kFloat).view({1, 1, picture.height, picture.width}), height, width);
  generator.edit(image::resized(image::tensor_of(picture), height, width), share[0][0].ge(0.5));
}

}  // namespace arzoo::tasks
