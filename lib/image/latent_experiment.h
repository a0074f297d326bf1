#pragma once

#include "image/kl_vae_model.h"
#include "image/picture_codes.h"
#include "image/picture_experiment.h"

namespace arzoo::image {

/// What a generator of continuous tokens learns from.
struct LatentBatch {
  at::Tensor labels;   ///< [B] long
  at::Tensor latents;  ///< [B, z, h, w], scaled
  at::Tensor small =
      {};  ///< [B, z, c, c], those of the pictures at a lower resolution; undefined without one
  at::Tensor measured = {};  ///< [B, K], what was measured of the pictures; undefined where nothing is
};

/// What else a generator learns of each picture.
struct LatentExtras {
  int64_t small_pixels = 0;  ///< the side that pictures are resized to for LatentBatch::small; 0: none
  /// Of pictures [B, 3, P, P] in [-1, 1], [B, K]; null: nothing.
  at::Tensor (*measure)(const at::Tensor& images) = nullptr;
};

/// Training a generator on the latents of pictures: the tokenizer, frozen, its batches and the folder that
/// holds both.
class LatentExperiment : public PictureExperiment {
 public:
  void save(const std::filesystem::path& folder) override;
  /// Generated pictures, a column per class.
  std::vector<ReportSection> showcase() override;

 protected:
  /// config: resolved; vae: of model.vae. Throws DataError, ConfigError, CheckpointError.
  LatentExperiment(const Config& config, const runtime::Compute& compute, int64_t pixels,
                   const KlVaeOptions& vae, const LatentExtras& extras = {});

  /// Latents sampled from the posteriors of a training batch.
  LatentBatch training(int64_t batch);
  /// Calls `visit` with the mean latents of the evaluated pictures, a batch at a time, and its number; in
  /// inference mode.
  void each(runtime::Split split, const std::function<void(const LatentBatch&, int64_t)>& visit);
  /// Random numbers for evaluating batch `batch`: always the same.
  static at::Generator evaluation_generator(int64_t batch);

  /// Latents of pictures of these classes as generate-image generates them by default, scaled.
  virtual at::Tensor sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) = 0;
  virtual int64_t classes() const = 0;

  /// What was measured of some training pictures, evenly spread, [pictures, K].
  at::Tensor measured_of_training();
  /// What the model's folder says of its options besides those of the config.
  virtual void describe(Json& /*model*/) const {}

  const Json& sampling() const { return loader_.evaluation().sampling; }

 private:
  /// Means and log variances of images [B, 3, P, P], [B, 2 z, h, w]; with extras [B, numbers], those of the
  /// lower resolution and what was measured behind them.
  at::Tensor codes_of(const at::Tensor& images) const;
  bool is_plain() const { return small_side_ == 0 && extras_.measure == nullptr; }
  /// The moments of the pictures themselves in such codes, [B, 2 z, h, w].
  at::Tensor dense_moments(const at::Tensor& codes) const;
  /// The latents of codes that codes_of() made.
  LatentBatch latents_of(const CodeBatch& codes,
                         const std::function<at::Tensor(const nn::DiagonalGaussian&)>& pick) const;
  double measured_scale();

  int64_t seed_;
  LatentExtras extras_;
  int64_t small_side_, side_;  ///< c, h = w, in latent pixels
  std::shared_ptr<KlVae> vae_;
  PictureCodes moments_;
};

}  // namespace arzoo::image
