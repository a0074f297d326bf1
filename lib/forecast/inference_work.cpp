#include "forecast/inference_work.h"

#include <torch/torch.h>

#include "forecast/experiment.h"
#include "kernels/quantized_weights.h"
#include "runtime/gemm_peak.h"

namespace arzoo::forecast {
namespace {

/// The first `size` training windows; those of a short file come again.
ForecastBatch first_windows(const SeriesData& data, int64_t size, const runtime::Compute& compute) {
  std::vector<int64_t> indices(static_cast<std::size_t>(size));
  for (int64_t i = 0; i < size; ++i)
    indices[static_cast<std::size_t>(i)] = i % data.windows(runtime::Split::train);
  return data.batch(runtime::Split::train, indices).to(compute.device);
}

/// A forecast of one batch, with weights in the dtype as `arzoo forecast --dtype` has them.
class InferenceWork : public runtime::SpeedWork {
 public:
  InferenceWork(const runtime::SpeedRequest& request, const runtime::Compute& compute,
                std::unique_ptr<ForecastExperiment> experiment)
      : reference_({{"model", request.run.json().at("model")}, {"shape", experiment->reference_shape()}}),
        compute_(compute),
        batch_(first_windows(experiment->data(), request.batch_size, compute)),
        model_(std::dynamic_pointer_cast<Forecaster>(experiment->model().shared_from_this())) {
    model_->to(compute.device, compute.dtype);
    model_->eval();
    quantized_ = kernels::quantized_weights(*model_, compute.quantization);
  }

  void run() override {
    const c10::InferenceMode inference;
    const kernels::QuantizedScope scope(quantized_.get());
    model_->forecast(batch_);
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override { return reference_; }

 private:
  Json reference_;
  runtime::Compute compute_;
  ForecastBatch batch_;
  std::shared_ptr<Forecaster> model_;
  std::unique_ptr<kernels::QuantizedWeights> quantized_;
};

}  // namespace

std::unique_ptr<runtime::SpeedWork> make_inference_work(const runtime::SpeedRequest& request,
                                                        const runtime::Compute& compute) {
  return std::make_unique<InferenceWork>(request, compute,
                                         std::make_unique<ForecastExperiment>(request.run, compute));
}

}  // namespace arzoo::forecast
