#pragma once

#include "distill/student.h"
#include "image/model_folder.h"
#include "kernels/quantized_weights.h"
#include "runtime/image_generator.h"

namespace arzoo::distill {

/// A student with its tokenizer, ready to generate.
class StudentGenerator : public runtime::ImageGenerator {
 public:
  /// What it is made of.
  struct Parts {
    BuiltStudent built;
    std::string name, weights;                          ///< of the model, where its weights are from
    std::optional<image::ModelFolder> folder;           ///< of ours; none for a published file
    std::optional<std::filesystem::path> teacher = {};  ///< generates between the two steps
    int64_t teacher_scales = 1;
  };
  /// Throws UsageError for options that a student does not know.
  StudentGenerator(Parts parts, const Json& asked, const runtime::Compute& compute);

  int64_t classes() const override { return student().classes(); }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int64_t height() const override { return student().pixels(); }
  int64_t width() const override { return student().pixels(); }
  int64_t channels() const override { return channels_; }
  int64_t steps() const override { return steps_; }
  int64_t parameters() const override { return parameters_; }
  Json settings() const override { return settings_; }
  void edit(const at::Tensor& picture, const at::Tensor& paint) override;
  at::Tensor sample(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const override;

 private:
  Student& student() const { return *parts_.built.student; }
  void open_teacher(at::ScalarType type);
  void prepare(const runtime::Compute& compute);

  Parts parts_;
  std::shared_ptr<image::Var> teacher_;                   ///< null without one
  std::shared_ptr<kernels::QuantizedWeights> quantized_;  ///< empty in full precision
  std::vector<std::string> class_names_;
  int64_t channels_ = 3, parameters_ = 0, steps_ = 1;
  at::Device device_ = at::kCPU;
  Json settings_;
};

/// What the entries of students offer (runtime/image_generator.h). Opens a run directory or model folder of
/// ours, or a published file of Distilled Decoding 1 (var-d16.pth).
std::unique_ptr<runtime::ImageGenerator> open_student_generator(const runtime::ImageSource& source,
                                                                const Json& sampling,
                                                                const runtime::Compute& compute);
std::unique_ptr<runtime::ImageGenerator> random_student_generator(const std::vector<Config>& models,
                                                                  std::optional<int64_t> draft_steps,
                                                                  const Json& sampling,
                                                                  const runtime::Compute& compute,
                                                                  const Json& defaults);

}  // namespace arzoo::distill
