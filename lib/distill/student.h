#pragma once

#include "distill/var_students.h"
#include "image/var_sampler.h"

namespace arzoo::distill {

/// A student of a VAR as a thing that draws, whatever its kind. B samples, L tokens of all scales, z width of
/// a code vector.
class Student {
 public:
  virtual ~Student() = default;

  /// All that is saved.
  virtual torch::nn::Module& module() = 0;
  virtual const image::VarOptions& var() const = 0;
  virtual double noise_std() const = 0;
  /// The most steps that it draws in.
  virtual int64_t most_steps() const = 0;
  /// From now on a pre-trained teacher draws `scales` scales in the middle of drawing, all of them the last
  /// before the second step. teacher is of its own tokenizer's codes. Throws UsageError where that makes no
  /// sense.
  virtual void take_teacher(std::shared_ptr<image::Var> teacher, const image::VarSampling& sampling,
                            int64_t scales);
  /// Tokens [B, L, z] of classes [B] from noise [B, L, z], in 1 … most_steps() steps. The draws are used
  /// by a teacher in the middle, and where the noise says nothing of the tokens.
  virtual at::Tensor draw(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                          image::TokenDraws& draws) = 0;
  /// The type of the linear maps inside the blocks, for inference; weights become memory as it comes.
  virtual void set_type(at::ScalarType type) = 0;
};

/// The options of the teacher that a "model" section describes. Throws ConfigError for an unknown name.
image::VarOptions teacher_options(const Config& model);

/// A student of the kind that a "model" section names, with weights as they come. vae must outlive it.
/// training: with what only training needs. Throws ConfigError for an unknown name or option, and for a model
/// that memory cannot hold.
std::unique_ptr<Student> build_student(const Config& model, image::Vqvae& vae, bool training);

}  // namespace arzoo::distill
