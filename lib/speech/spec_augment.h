#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "speech/spec_augment_options.h"

namespace arzoo::speech {

/// Where masks lie: [B, masks] each.
struct MaskPlaces {
  at::Tensor widths, starts;
};

/// Zeroes filters start … start + width - 1 of every stacked frame. features: [B, T, F].
at::Tensor mask_filters(const at::Tensor& features, const MaskPlaces& places, int64_t lfr_rate);
/// Zeroes frames.
at::Tensor mask_frames(const at::Tensor& features, const MaskPlaces& places);

/// With masks drawn from the generator: widths of filters, starts, widths of frames, starts.
at::Tensor spec_augment(const at::Tensor& features, const SpecAugmentOptions& options,
                        at::Generator generator);

}  // namespace arzoo::speech
