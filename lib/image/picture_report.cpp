#include "image/picture_report.h"

#include <torch/torch.h>

#include "io/png_file.h"
#include "runtime/picture_tensor.h"

namespace arzoo::image {

ReportPng report_grid(const at::Tensor& images, int64_t channels, int64_t columns,
                      const std::string& caption) {
  constexpr int64_t kLegibleSide = 84;
  const int64_t height = images.size(2), width = images.size(3),
                factor = std::max<int64_t>(1, kLegibleSide / std::max(height, width));
  const auto large = at::upsample_nearest2d(images, {height * factor, width * factor});
  std::vector<io::Picture> pictures;
  for (const auto& image : large.unbind(0)) pictures.push_back(runtime::picture_of(image, channels));
  return {io::encode_png(io::picture_grid(pictures, columns)), caption};
}

ReportSection reconstruction_section(const at::Tensor& images, const at::Tensor& again, int64_t channels) {
  return {"Reconstructions",
          {report_grid(at::cat({images, again}).add(1.0).div_(2.0), channels, images.size(0),
                       "pictures above, their reconstructions below")}};
}

}  // namespace arzoo::image
