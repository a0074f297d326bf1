#include "class_gaussian.h"

#include <torch/torch.h>

#include "image/picture_experiment.h"
#include "image/ready_models.h"
#include "image/trained_tokenizer.h"
#include "kernels/random_numbers.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {
namespace {

class ClassGaussian : public torch::nn::Module {
 public:
  explicit ClassGaussian(const ClassGaussianOptions& options) : options_(options) {
    const at::IntArrayRef sizes{options.num_classes, 3, options.pixels, options.pixels};
    mean_ = register_parameter("mean", torch::zeros(sizes));
    log_std_ = register_parameter("log_std", torch::zeros(sizes));
  }

  const ClassGaussianOptions& options() const { return options_; }

  /// The negative log-likelihood of a pixel, without its constant. images: [B, 3, P, P]; labels: [B].
  at::Tensor loss(const at::Tensor& images, const at::Tensor& labels) const {
    const auto log_std = log_std_.index_select(0, labels);
    const auto error = (images - mean_.index_select(0, labels)) * at::exp(-log_std);
    return (0.5 * error.square() + log_std).mean();
  }

  /// [B, 3, P, P] of standard normal noise.
  at::Tensor sample(const at::Tensor& labels, const at::Tensor& noise) const {
    return mean_.index_select(0, labels) + at::exp(log_std_.index_select(0, labels)) * noise;
  }

 private:
  ClassGaussianOptions options_;
  at::Tensor mean_, log_std_;  ///< [classes, 3, P, P]
};

class ClassGaussianExperiment : public PictureExperiment {
 public:
  ClassGaussianExperiment(const Config& config, const runtime::Compute& compute)
      : PictureExperiment(config, compute, model_options<ClassGaussianOptions>(config.at("model")).pixels),
        model_(runtime::build_module<ClassGaussian, ClassGaussianOptions>(config.at("model"))) {
    loader_.data().check_labels(config.at("model").at("num_classes"));
    model_->to(compute.device);
  }

  torch::nn::Module& model() override { return *model_; }

  runtime::Losses loss(int64_t batch) override { return {loss_of(loader_.get(batch))}; }

  /// {"nll"}: the mean of the loss.
  runtime::Metrics evaluate(runtime::Split split) override {
    if (loader_.evaluated(split).empty()) return {};
    double sum = 0.0, count = 0.0;
    loader_.each(split, [&](const ImageBatch& batch) {
      sum += loss_of(batch).item<double>() * static_cast<double>(batch.images.size(0));
      count += static_cast<double>(batch.images.size(0));
    });
    return {{"nll", sum / count}};
  }

  std::vector<ReportSection> showcase() override { return {}; }

 private:
  at::Tensor loss_of(const ImageBatch& batch) const {
    return model_->loss(batch.images.to(compute_.device), batch.labels.to(compute_.device));
  }

  std::shared_ptr<ClassGaussian> model_;
};

class ClassGaussianGenerator : public runtime::ImageGenerator {
 public:
  ClassGaussianGenerator(const ModelFolder& folder, const runtime::Compute& compute)
      : model_(std::make_shared<ClassGaussian>(runtime::options_in<ClassGaussianOptions>(folder))),
        facts_(PictureFacts::of(folder, classes())),
        device_(compute.device) {
    runtime::load_strictly(*model_, runtime::open_tensors(folder.path), folder.path.string());
    model_->to(device_);
  }

  int64_t classes() const override { return model_->options().num_classes; }
  const std::vector<std::string>& class_names() const override { return facts_.class_names; }
  int64_t height() const override { return model_->options().pixels; }
  int64_t width() const override { return height(); }
  int64_t channels() const override { return facts_.channels; }
  int64_t steps() const override { return 1; }
  int64_t parameters() const override { return 2 * classes() * 3 * height() * width(); }
  Json settings() const override { return {{"model", ClassGaussianOptions::kName}}; }
  void edit(const at::Tensor&, const at::Tensor&) override {
    fail<UsageError>("--edit: a {} generates whole images", ClassGaussianOptions::kName);
  }

  at::Tensor sample(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const override {
    const c10::InferenceMode inference;
    const auto noise = kernels::normal_numbers(kernels::streams_on(batch.seeds, device_), /*first=*/0,
                                               /*rows=*/3, height() * width());
    const auto images = model_->sample(batch.labels.to(device_), noise.view({-1, 3, height(), width()}));
    const auto finished = images.add(1.0).div(2.0).clamp(0.0, 1.0).cpu();
    watcher(0, [&] { return finished; });
    return finished;
  }

 private:
  std::shared_ptr<ClassGaussian> model_;
  PictureFacts facts_;
  at::Device device_;
};

std::unique_ptr<runtime::ImageGenerator> open(const runtime::ImageSource& source, const Json&,
                                              const runtime::Compute& compute) {
  return std::make_unique<ClassGaussianGenerator>(*find_model_folder(source.model), compute);
}

}  // namespace
}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::ClassGaussianOptions>() {
  static const ModelEntry entry{
      .name = image::ClassGaussianOptions::kName,
      .build = &build_any<image::ClassGaussian, image::ClassGaussianOptions>,
      .experiment = &make_experiment<image::ClassGaussianExperiment>,
      .images = {.open = &image::open},
  };
  return entry;
}

}  // namespace arzoo::runtime
