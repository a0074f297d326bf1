#pragma once

#include "image/picture_codes.h"
#include "image/vqvae_model.h"

namespace arzoo::image {

/// What a VAR learns from: the tokens of pictures.
struct TokenBatch {
  at::Tensor labels;   ///< [B] long
  at::Tensor targets;  ///< [B, L] long, all scales
  at::Tensor maps;     ///< [B, L - p_0^2, z], what the scales after the first see (teacher forcing)
};

/// Pictures as the token maps of a frozen tokenizer.
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
  TokenBatch batch_of(const CodeBatch& batch);

  Vqvae& vae_;
  Grids grids_;
  PictureCodes codes_;  ///< token ids, [N, L] int
};

}  // namespace arzoo::image
