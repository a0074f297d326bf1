#include "speech/spec_augment.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::speech {
namespace {

/// [B, places], true under some mask.
at::Tensor covered(const MaskPlaces& places, int64_t size) {
  const auto index = at::arange(size, places.starts.options()).view({1, 1, -1});
  const auto starts = places.starts.unsqueeze(2), ends = starts + places.widths.unsqueeze(2);
  return ((index >= starts) & (index < ends)).any(1);
}

MaskPlaces drawn(int64_t batch, int64_t masks, const std::vector<int64_t>& range, int64_t size,
                 const at::Generator& generator) {
  const auto widths = at::randint(range[0], range[1], {batch, masks}, generator, at::kLong);
  const auto most = std::max<int64_t>(1, size - widths.max().item<int64_t>());
  return {widths, at::randint(0, most, {batch, masks}, generator, at::kLong)};
}

}  // namespace

at::Tensor mask_filters(const at::Tensor& features, const MaskPlaces& places, int64_t lfr_rate) {
  const int64_t filters = features.size(2) / (lfr_rate + 1);
  const auto mask = covered(places, filters).repeat({1, lfr_rate + 1});
  return features.masked_fill(at::constant_pad_nd(mask, {0, features.size(2) - mask.size(1)}).unsqueeze(1),
                              0.0);
}

at::Tensor mask_frames(const at::Tensor& features, const MaskPlaces& places) {
  return features.masked_fill(covered(places, features.size(1)).unsqueeze(2), 0.0);
}

at::Tensor spec_augment(const at::Tensor& features, const SpecAugmentOptions& o, at::Generator generator) {
  auto masked = features;
  if (o.num_freq_mask > 0)
    masked = mask_filters(masked,
                          drawn(features.size(0), o.num_freq_mask, o.freq_mask_width_range,
                                features.size(2) / (o.lfr_rate + 1), generator),
                          o.lfr_rate);
  if (o.num_time_mask > 0)
    masked = mask_frames(masked, drawn(features.size(0), o.num_time_mask, o.time_mask_width_range,
                                       features.size(1), generator));
  return masked;
}

}  // namespace arzoo::speech
