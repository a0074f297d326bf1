#pragma once

#include <map>

#include "image/picture_data.h"
#include "image/vqvae_model.h"
#include "runtime/device.h"

namespace arzoo::image {

/// What a VAR learns from: the tokens of pictures.
struct TokenBatch {
  at::Tensor labels;   ///< [B] long
  at::Tensor targets;  ///< [B, L] long, all scales
  at::Tensor maps;     ///< [B, L - p_0^2, z], what the scales after the first see (teacher forcing)
};

/// Pictures as the token maps of a frozen tokenizer. Where no augmentation changes them, each is encoded once
/// and its tokens stay in memory.
class PictureTokens {
 public:
  /// config: resolved. vae and loader must outlive it.
  PictureTokens(Vqvae& vae, Grids grids, PictureLoader& loader, const Config& config,
                const runtime::Compute& compute);

  /// Training batch `batch`, counted over all epochs.
  TokenBatch training(int64_t batch);
  /// Calls `visit` with the evaluated pictures of the split, a batch at a time; in inference mode.
  void each(runtime::Split split, const std::function<void(const TokenBatch&)>& visit);

 private:
  struct Kept {
    at::Tensor labels, ids;  ///< [N] long, [N, L] int, of the split's items or of those that are evaluated
  };
  at::Tensor encoded(const at::Tensor& images);
  TokenBatch batch_of(const at::Tensor& labels, const at::Tensor& ids);
  const Kept& kept(runtime::Split split);

  Vqvae& vae_;
  Grids grids_;
  PictureLoader& loader_;
  runtime::Compute compute_;
  runtime::EpochOrder order_;
  std::map<runtime::Split, Kept> kept_;
};

}  // namespace arzoo::image
