#pragma once

#include "image/caption_features.h"
#include "image/llamagen_decoding.h"
#include "image/llamagen_source.h"
#include "image/ready_models.h"
#include "runtime/image_generator.h"

namespace arzoo::image {

/// What drafts for a LlamaGen: a smaller one, or an EAGLE head of its own.
struct OpenedDrafter {
  std::filesystem::path file;
  std::shared_ptr<LlamaGen> model = nullptr;
  std::shared_ptr<EagleHead> head = nullptr;
};

/// What a LlamaGenGenerator is made of.
struct LlamaGenParts {
  FoundModel found;
  std::shared_ptr<LlamaGen> model = nullptr;
  std::shared_ptr<LlamaGenVq> vae = nullptr;
  std::optional<std::filesystem::path> captions = {};  ///< of a model that generates from captions
  std::optional<OpenedDrafter> drafter = {};           ///< for decoding with drafts
  Json defaults = {};                                  ///< options of generation that the folder says
};

/// A LlamaGen with its tokenizer, ready to generate. Of a model that generates from captions, the classes are
/// the captions of a file, by number.
class LlamaGenGenerator : public runtime::ImageGenerator {
 public:
  /// Throws UsageError, DataError.
  LlamaGenGenerator(LlamaGenParts parts, const Json& asked, const runtime::Compute& compute);

  int64_t classes() const override;
  const std::vector<std::string>& class_names() const override { return facts_.class_names; }
  int64_t height() const override { return pixels(); }
  int64_t width() const override { return pixels(); }
  int64_t channels() const override { return facts_.channels; }
  /// Rows of tokens.
  int64_t steps() const override { return model_->options().side(); }
  int64_t parameters() const override { return parameters_; }
  Json settings() const override { return settings_; }
  void edit(const at::Tensor& picture, const at::Tensor& paint) override;
  at::Tensor sample(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const override;
  int64_t cache_bytes() const override { return sampler_->cache_bytes(); }
  Json decoding() const override;

 private:
  int64_t pixels() const { return model_->options().side() * vae_->options().downsampling(); }
  void read_options(const LlamaGenGenerationOptions& options);
  void read_drafts(const LlamaGenGenerationOptions& options);
  void check_drafter(const std::string& decode) const;
  void read_tree(const LlamaGenGenerationOptions& options);
  LlamaGenCondition condition(const at::Tensor& labels) const;
  at::Tensor tokens(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const;
  at::Tensor drafted_tokens(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const;
  at::Tensor decoded(const at::Tensor& ids) const;

  std::shared_ptr<LlamaGen> model_;
  OpenedDrafter drafter_;  ///< empty without
  std::shared_ptr<LlamaGenVq> vae_;
  std::optional<LlamaGenDrafts> drafts_;  ///< none: one token after the other
  mutable nn::DraftCounts counts_;
  std::optional<LlamaGenSampler> sampler_;
  std::optional<CaptionFeatures> captions_;
  LlamaGenSampling sampling_;
  std::shared_ptr<kernels::QuantizedWeights> quantized_;  ///< empty in full precision
  struct Edit {
    GivenTokens tokens;
    at::Tensor picture, paint;  ///< [1, 3, H, W] in [0, 1], [1, 1, H, W]
  };
  std::unique_ptr<Edit> edit_;
  PictureFacts facts_;
  int64_t parameters_ = 0;
  at::Device device_ = at::kCPU;
  Json settings_;
};

/// What the entry of llamagen offers (runtime/image_generator.h).
bool is_llamagen(const std::filesystem::path& path);
std::unique_ptr<runtime::ImageGenerator> open_llamagen_generator(const runtime::ImageSource& source,
                                                                 const Json& sampling,
                                                                 const runtime::Compute& compute);
std::unique_ptr<runtime::ImageGenerator> random_llamagen_generator(const std::vector<Config>& models,
                                                                   std::optional<int64_t> draft_steps,
                                                                   const Json& sampling,
                                                                   const runtime::Compute& compute,
                                                                   const Json& defaults);

}  // namespace arzoo::image
