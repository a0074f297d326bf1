#pragma once

#include "shape3d/code_experiment.h"
#include "shape3d/g3pt_model.h"

namespace arzoo::shape3d {

/// Training G3PT's generator on the scales of a trained tokenizer (data.tokenizer): g3pt_vq or vat.
class G3ptExperiment : public CodeExperiment {
 public:
  G3ptExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;

 private:
  runtime::Losses loss_of(const at::Tensor& labels, const at::Tensor& codes) override;
  at::Tensor generate(const at::Tensor& labels, const std::vector<uint64_t>& seeds) override;

  std::shared_ptr<G3pt> model_;
  const ScaleCoder* coder_;
  std::size_t scales_;  ///< that the present batch learns
};

}  // namespace arzoo::shape3d
