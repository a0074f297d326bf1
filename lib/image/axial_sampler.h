#pragma once

#include <functional>

#include "image/axial_model.h"
#include "nn/token_sampler.h"

namespace arzoo::image {

/// Levels that are given instead of sampled.
struct KnownLevels {
  at::Tensor levels;  ///< [1 or B, H, W, C] long
  at::Tensor known;   ///< [1 or B, H, W] bool
};

/// Told of each row that is done; levels: [B, H, W, C] so far, zero where nothing is sampled yet.
using RowWatcher = std::function<void(int64_t row, const at::Tensor& levels)>;

struct AxialSampling {
  nn::TokenSampling filter = {};
  const KnownLevels* known = nullptr;
  RowWatcher on_row = {};
};

/// Semi-parallel sampling (Ho et al. 2019, Sec. 3.2): the outer stack passes each row once, with the keys and
/// values of its columns so far, the inner one each pixel once. The same pictures as one whole pass per
/// pixel, up to rounding.
///
/// cond: as Axial's, of B samples; a token is counted channel by channel, row by row. Returns [B, H, W, C]
/// long on the CPU.
at::Tensor sample_axial(const Axial& model, int64_t samples, const at::Tensor& cond,
                        nn::TokenRandomInputs& random_inputs, const AxialSampling& sampling = {});

/// The same of a Transformer2d alone: [B, H, W]. first: the place of its first pixel among the tokens.
at::Tensor sample_axial_pixels(const AxialPixels& model, int64_t samples, const at::Tensor& cond,
                               nn::TokenRandomInputs& random_inputs, int64_t first = 0,
                               const AxialSampling& sampling = {});

}  // namespace arzoo::image
