#pragma once

#include "distill/student.h"
#include "image/model_folder.h"

namespace arzoo::distill {

/// A trained model with its tokenizer and its sampling options: what a student learns from. None of it is
/// trained. B samples, L tokens of all scales, z width of a token.
class Teacher {
 public:
  virtual ~Teacher() = default;

  virtual int64_t classes() const = 0;
  virtual TokenShape shape() const = 0;
  /// Of the noise that its flow begins with.
  virtual double noise_std() const = 0;

  /// Where its flow leads from noise [B, L, z]: what is stored of a trajectory.
  virtual at::Tensor ends(const at::Tensor& labels, const at::Tensor& noise, int64_t ode_steps) const = 0;
  /// The name under which a file stores the ends.
  virtual const char* ends_name() const = 0;
  /// Throws CheckpointError, naming the file, unless these are ends of `count` trajectories.
  virtual void check_ends(const at::Tensor& ends, int64_t count, const std::string& file) const = 0;
  /// The tokens [B, L, z] at such ends.
  virtual at::Tensor tokens(const at::Tensor& ends) const = 0;

  virtual torch::nn::Module& tokenizer() const = 0;
  /// The "model" section of a folder of its tokenizer.
  virtual Json tokenizer_section() const = 0;
  /// A student's "model" section with what the teacher alone knows of the tokenizer.
  virtual Json completed(Json section) const { return section; }
  /// All that decides what it generates: its weights, as two sums, and its sampling options.
  virtual Json identity() const = 0;

  /// Its class names, channels and sampling.
  const image::ModelFolder& folder() const { return folder_; }

 protected:
  image::ModelFolder folder_;
};

/// Two sums over all weights: other weights have others.
std::pair<double, double> sums_of(const torch::nn::Module& model);
/// Throws ConfigError at the option of the section `own` of a student's config that the teacher's options,
/// `theirs`, have otherwise; options that concern a teacher's training alone are left out.
void require_same_teacher(const Config& own, const Json& theirs, const std::string& path);

}  // namespace arzoo::distill
