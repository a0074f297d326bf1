#pragma once

#include "distill/dd1_var.h"
#include "distill/var_student.h"

namespace arzoo::distill {

/// Generates with a student of Distilled Decoding 1: at DD time 0, and in a second step at loss_split_t. With
/// the mapping "none" it samples each token from its own distribution, once.
class Dd1Student : public VarStudent {
 public:
  /// vae must outlive it.
  Dd1Student(const Dd1VarOptions& options, image::Vqvae& vae);

  Dd1Var& model() { return *model_; }
  const Dd1VarOptions& options() const { return model_->dd_options(); }
  torch::nn::Module& module() override { return *model_; }
  int64_t most_steps() const override;
  void take_teacher(std::shared_ptr<image::Var> teacher, const image::VarSampling& sampling,
                    int64_t scales) override;
  at::Tensor sample(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                    nn::TokenRandomInputs& random_inputs) override;
  void set_type(at::ScalarType type) override { model_->set_type(type); }

 private:
  at::Tensor sample_with_teacher(const at::Tensor& labels, const at::Tensor& noise,
                                 nn::TokenRandomInputs& random_inputs);

  std::shared_ptr<Dd1Var> model_;
  std::shared_ptr<image::Var> teacher_;
  std::optional<TeacherSteps> teacher_steps_;
};

}  // namespace arzoo::distill
