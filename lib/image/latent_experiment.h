#pragma once

#include "image/kl_vae_model.h"
#include "image/picture_codes.h"
#include "image/picture_experiment.h"

namespace arzoo::image {

/// What a generator of continuous tokens learns from.
struct LatentBatch {
  at::Tensor labels;   ///< [B] long
  at::Tensor latents;  ///< [B, z, h, w], scaled
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
                   const KlVaeOptions& vae);

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

  const Json& sampling() const { return loader_.evaluation().sampling; }

 private:
  double measured_scale();

  int64_t seed_;
  std::shared_ptr<KlVae> vae_;
  PictureCodes moments_;
};

}  // namespace arzoo::image
