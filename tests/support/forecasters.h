#pragma once

#include "forecast/zoo.h"
#include "support/one_thread.h"

namespace arzoo::test {

/// A model of the zoo in evaluation mode, its weights generated from a fixed seed and moved from their start
/// by normal noise of this standard deviation.
inline std::shared_ptr<forecast::Forecaster> tiny_model(const Json& section,
                                                        const forecast::SeriesShape& shape,
                                                        double disturbance = 0.0) {
  torch::manual_seed(1);
  auto model = forecast::build(Config(section, "tiny"), shape);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) {
    if (disturbance > 0) parameter.add_(at::randn_like(parameter) * disturbance);
  }
  model->eval();
  return model;
}

/// Windows for it, with marks in [-0.5, 0.5] and the decoder's input as the loader makes it.
inline forecast::ForecastBatch random_batch(int64_t size, const forecast::SeriesShape& shape) {
  torch::manual_seed(2);
  const int64_t decoder = shape.label_len + shape.pred_len;
  forecast::ForecastBatch batch;
  batch.x_enc = at::randn({size, shape.seq_len, shape.enc_in});
  batch.x_mark_enc = at::rand({size, shape.seq_len, shape.marks}) - 0.5;
  batch.x_dec = at::constant_pad_nd(batch.x_enc.narrow(1, shape.seq_len - shape.label_len, shape.label_len),
                                    {0, 0, 0, shape.pred_len});
  batch.x_mark_dec = at::rand({size, decoder, shape.marks}) - 0.5;
  batch.target = at::randn({size, shape.pred_len, shape.c_out});
  return batch;
}

/// The forecast of one pass in inference mode.
inline at::Tensor forecast_of(forecast::Forecaster& model, const forecast::ForecastBatch& batch) {
  const c10::InferenceMode inference;
  return model.forecast(batch).clone();
}

inline at::Tensor forecast_of(forecast::Forecaster& model, const at::Tensor& x_enc) {
  forecast::ForecastBatch batch;
  batch.x_enc = x_enc;
  return forecast_of(model, batch);
}

/// Checks that two results, which should be the same function of the inputs, pull at these in the same way.
inline void check_same_gradients(const at::Tensor& ours, const at::Tensor& theirs,
                                 const std::vector<at::Tensor>& inputs) {
  const auto direction = at::randn(ours.sizes());
  const auto gradients = torch::autograd::grad({(ours * direction).sum()}, inputs),
             expected = torch::autograd::grad({(theirs * direction).sum()}, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    INFO("input " << i);
    CHECK(at::allclose(gradients[i], expected[i], 1e-3, 1e-5));
  }
}

/// Checks the gradient of each parameter against the slope of the loss along it, the direction that rounding
/// disturbs least. Gradients shorter than 0.01 are left out: shifts that a softmax, a norm or a decomposition
/// takes out again.
inline void check_gradients(forecast::Forecaster& model, const forecast::ForecastBatch& batch) {
  constexpr double kStep = 2e-3;
  model.loss(batch).total.backward();
  for (const auto& entry : model.named_parameters()) {
    const auto gradient = entry.value().grad().detach();
    const double length = gradient.norm().item<double>();
    if (length < 1e-2) continue;
    const auto direction = gradient / length, original = entry.value().detach().clone();
    const auto loss_at = [&](double distance) {
      torch::NoGradGuard no_grad;
      entry.value().copy_(original + direction * distance);
      return model.loss(batch).total.item<double>();
    };
    const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
    loss_at(0.0);
    INFO(entry.key());
    CHECK(slope == Approx(length).epsilon(0.05));
  }
}

}  // namespace arzoo::test
