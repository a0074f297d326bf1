#pragma once

#include "shape3d/argus3d_model.h"
#include "shape3d/code_experiment.h"

namespace arzoo::shape3d {

/// Training stage 2 of Argus3D on the tokens of a trained stage 1 (data.tokenizer).
class Argus3dExperiment : public CodeExperiment {
 public:
  Argus3dExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }

 private:
  runtime::Losses loss_of(const at::Tensor& labels, const at::Tensor& codes) override;
  at::Tensor generate(const at::Tensor& labels, const std::vector<uint64_t>& seeds) override;

  std::shared_ptr<Argus3d> model_;
};

}  // namespace arzoo::shape3d
