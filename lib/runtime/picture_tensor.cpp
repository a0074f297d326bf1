#include "runtime/picture_tensor.h"

#include <torch/torch.h>

namespace arzoo::runtime {

at::Tensor tensor_of(const io::Picture& picture) {
  const auto bytes = at::from_blob(const_cast<uint8_t*>(picture.pixels.data()),  // read only
                                   {1, picture.height, picture.width, picture.channels}, at::kByte);
  return bytes.permute({0, 3, 1, 2})
      .to(at::kFloat)
      .div_(127.5)
      .sub_(1.0)
      .expand({1, 3, picture.height, picture.width})
      .contiguous();
}

io::Picture picture_of(const at::Tensor& image, int64_t channels) {
  const auto seen = channels == 1 ? image.mean(0, /*keepdim=*/true) : image;
  const auto bytes =
      seen.mul(255.0).add_(0.5).clamp_(0.0, 255.0).to(at::kByte).permute({1, 2, 0}).contiguous();
  io::Picture picture{.width = image.size(2), .height = image.size(1), .channels = channels};
  const auto* data = bytes.const_data_ptr<uint8_t>();
  picture.pixels.assign(data, data + bytes.numel());
  return picture;
}

at::Tensor resized(const at::Tensor& image, int64_t height, int64_t width) {
  if (image.size(2) == height && image.size(3) == width) return image;
  return at::_upsample_bilinear2d_aa(image, {height, width}, /*align_corners=*/false);
}

}  // namespace arzoo::runtime
