#pragma once

#include "image/var_sampler.h"

namespace arzoo::distill {

/// The tokens of a picture: what a student turns noise into.
struct TokenShape {
  int64_t count = 0;     ///< L, of all scales
  int64_t channels = 0;  ///< z, width of a token
};

/// Noise of pictures by their seeds, [B, L, z] with this standard deviation: a picture's depends on nothing
/// else.
at::Tensor picture_noise(const std::vector<uint64_t>& seeds, const TokenShape& shape, double stddev);

/// On the device, in evaluation mode, without gradients.
void make_constant(torch::nn::Module& module, at::Device device = at::kCPU);

/// A student of any kind that generates tokens. B samples, L tokens of all scales, z width of a token.
class Student {
 public:
  virtual ~Student() = default;

  /// All that is saved.
  virtual torch::nn::Module& module() = 0;
  virtual int64_t classes() const = 0;
  virtual TokenShape shape() const = 0;
  /// The noise of pictures with these seeds, [B, L, z]: it depends on nothing else.
  virtual at::Tensor noise(const std::vector<uint64_t>& seeds) const = 0;
  /// The largest number of steps that it generates in.
  virtual int64_t most_steps() const = 0;
  /// From now on a pre-trained teacher generates `scales` scales between the two steps, the last ones before
  /// the second step. The teacher uses its own tokenizer's codes. Throws UsageError where that makes no
  /// sense.
  virtual void take_teacher(std::shared_ptr<image::Var> teacher, const image::VarSampling& sampling,
                            int64_t scales);
  /// Tokens [B, L, z] of classes [B] from noise [B, L, z], in 1 … most_steps() steps. random_inputs are used
  /// by a teacher in the middle, and where the noise does not determine the tokens.
  virtual at::Tensor sample(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                            nn::TokenRandomInputs& random_inputs) = 0;
  /// The type of the linear maps inside the blocks, for inference; weights become memory as it comes.
  virtual void set_type(at::ScalarType type) = 0;

  /// What tokens [B, L, z] are together, for the tokenizer: [B, z, h, w].
  virtual at::Tensor latents(const at::Tensor& tokens) const = 0;
  /// Pictures [B, 3, H, W] in [-1, 1] of them.
  virtual at::Tensor pictures(const at::Tensor& latents) const = 0;
  /// Pixels of a picture's side.
  virtual int64_t pixels() const = 0;
};

/// A student and the tokenizer of its tokens.
struct BuiltStudent {
  std::shared_ptr<torch::nn::Module> tokenizer;
  std::unique_ptr<Student> student;
};

}  // namespace arzoo::distill
