#include "image/caption_features.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "io/npy_file.h"

namespace arzoo::image {
namespace {

at::Tensor features_in(const std::filesystem::path& path, int64_t width) {
  const io::NpzFile file(path);
  const auto array = file.at(file.contains("") ? "" : "features");
  const auto dimensions = array.shape.size();
  if ((dimensions != 2 && dimensions != 3) || array.shape.back() != width)
    fail<DataError>("{}: shape [{}], expected [captions, tokens, {}] (the model's caption_dim)", file.name(),
                    fmt::join(array.shape, ", "), width);
  auto features = at::tensor(array.type.read(array.bytes), at::kDouble).view(array.shape).to(at::kFloat);
  if (!at::isfinite(features).all().item<bool>())
    fail<DataError>("{}: numbers that are not finite (NaN or infinity)", file.name());
  return dimensions == 2 ? features.unsqueeze(0) : features;
}

}  // namespace

CaptionFeatures::CaptionFeatures(const std::filesystem::path& path, const at::Tensor& null) {
  const int64_t tokens = null.size(0);
  auto features = features_in(path, null.size(1));
  features = features.narrow(1, 0, std::min(features.size(1), tokens));
  features = at::constant_pad_nd(features, {0, 0, tokens - features.size(1), 0}, 0.0);
  features_ = at::cat({features, null.detach().to(at::kCPU, at::kFloat).unsqueeze(0)});
  // Padding is what precedes the first row that is not zero.
  mask_ = features_.ne(0).any(-1).to(at::kLong).cumsum(1).gt(0).to(at::kFloat);
}

LlamaGenCondition CaptionFeatures::of(const at::Tensor& numbers) const {
  const auto chosen = numbers.cpu();
  return {.captions = features_.index_select(0, chosen).to(numbers.device()),
          .caption_mask = mask_.index_select(0, chosen).to(numbers.device())};
}

}  // namespace arzoo::image
