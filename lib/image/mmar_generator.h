#pragma once

#include "image/captioned_generator.h"
#include "image/latent_generator.h"
#include "image/measured_captions.h"
#include "image/mmar_sampling.h"

namespace arzoo::image {

/// An MMAR that generates pictures of captions: its "classes" are the captions that were asked for, or every
/// caption that its grammar has.
class MmarGenerator : public LatentGenerator, public CaptionedGenerator {
 public:
  /// texts: captions; empty for all. Throws UsageError, CheckpointError.
  MmarGenerator(const LatentParts<Mmar>& parts, const std::vector<std::string>& texts, const Json& asked,
                const runtime::Compute& compute);

  int64_t classes() const override { return static_cast<int64_t>(texts_.size()); }
  const std::vector<std::string>& class_names() const override { return texts_; }
  /// The model's classes; empty where captions were asked for.
  const std::vector<std::string>& nouns() const override { return nouns_; }
  at::Tensor nouns_of(const at::Tensor& labels) const override;
  /// Of the grammar's captions: "light_match", "breadth_match" and "attributes_match" (both), and the same
  /// of the unseen ones alone ("unseen_light_match").
  std::vector<CaptionMatch> caption_matches(const at::Tensor& images,
                                            const at::Tensor& labels) const override;
  int64_t steps() const override { return std::min(sampling_.num_iter, model_->options().tokens()); }
  /// Throws UsageError: pictures are generated whole.
  void edit(const at::Tensor& picture, const at::Tensor& paint) override;

 protected:
  at::Tensor latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const override;

 private:
  std::shared_ptr<Mmar> model_;
  MmarSampling sampling_;
  std::optional<CaptionGrammar> grammar_;  ///< whose captions texts_ are; none where texts were given
  std::vector<std::string> nouns_, texts_;
  Captions captions_;  ///< of texts_, then of none
};

/// The model in a run directory or model folder, with its tokenizer, its linear maps in `type`. Throws
/// UsageError, CheckpointError.
LatentParts<Mmar> open_mmar_parts(const runtime::ImageSource& source, at::ScalarType type);

/// What the entry of mmar offers (runtime/image_generator.h).
std::unique_ptr<runtime::ImageGenerator> open_mmar_generator(const runtime::ImageSource& source,
                                                             const Json& sampling,
                                                             const runtime::Compute& compute);
std::unique_ptr<runtime::ImageGenerator> random_mmar_generator(const std::vector<Config>& models,
                                                               std::optional<int64_t> draft_steps,
                                                               const Json& sampling,
                                                               const runtime::Compute& compute,
                                                               const Json& defaults);

}  // namespace arzoo::image
