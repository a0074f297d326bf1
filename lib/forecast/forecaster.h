#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "forecast/series_shape.h"
#include "runtime/losses.h"
#include "runtime/named_tensors.h"

namespace arzoo::forecast {

/// Windows of one or more series, scaled, on the model's device. Undefined tensors: the data has none of it.
struct ForecastBatch {
  at::Tensor x_enc;                 ///< [B, L, C] history
  at::Tensor x_mark_enc;            ///< [B, L, M] its calendar features
  at::Tensor x_dec;                 ///< [B, label_len + S, C] last label_len of the history, then zeros
  at::Tensor x_mark_dec;            ///< [B, label_len + S, M]
  at::Tensor known;                 ///< [B, L + S, F] covariates of the history and of the steps ahead
  at::Tensor statics;               ///< [B, G] covariates that do not change with time
  at::Tensor target;                ///< [B, S, c_out] the truth, where it is known
  at::Tensor measured;              ///< [B, S, c_out] bool, targets that count; undefined: all do
  runtime::Trace* trace = nullptr;  ///< collects intermediate results when given (parity, debugging)
  const runtime::NamedTensors* random_inputs =
      nullptr;  ///< random numbers to use instead of generating them (parity)

  runtime::JointSum joint = {};  ///< of a part of a training batch

  /// The covariates known ahead at the steps of x_enc and of x_dec; undefined without any.
  at::Tensor known_enc() const;
  at::Tensor known_dec() const;
  /// The same on a device.
  ForecastBatch to(at::Device device) const;
};

/// The interface of this family: a window in, the next pred_len steps out.
class Forecaster : public torch::nn::Module {
 public:
  using Shape = SeriesShape;

  /// [B, S, c_out] or [B, S, C] (then the last c_out channels count), in the scale of the input.
  virtual at::Tensor forecast(const ForecastBatch& batch) = 0;
  /// The training loss; mean squared error over the targets that count by default.
  virtual runtime::Losses loss(const ForecastBatch& batch);
};

/// The channels of a forecast that a target of fewer channels scores: the last ones (features MS: the target
/// alone).
at::Tensor scored_channels(const at::Tensor& forecast, const at::Tensor& target);

/// Builds the model that an options struct describes; each model's source defines its specialisation.
template <class Options>
std::shared_ptr<Forecaster> make(const Options& options, const SeriesShape& shape);

}  // namespace arzoo::forecast
