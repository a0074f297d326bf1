#pragma once

#include "image/axial.h"
#include "image/axial_block.h"
#include "runtime/losses.h"

namespace arzoo::image {

/// Transformer2d: an exact likelihood of pictures with one channel (Ho et al. 2019, Sec. 3.2), row by row and
/// pixel by pixel.
///
/// An outer stack reads the rows above a pixel, an inner one the pixels before it in its row. Notation: B
/// samples, H rows, W columns, D width, K levels.
class AxialPixels : public torch::nn::Module {
 public:
  /// Of options.rows() rows. The weights are memory as it comes until they are loaded or initialised.
  explicit AxialPixels(const AxialOptions& options);

  /// x: [B, H, W] long; cond: broadcast to [B, H, W, D], may be undefined; returns logits [B, H, W, K] in
  /// fp32, each of which depends on the pixels before its own alone. trace: receives "outer_block0", …,
  /// "upper" and "row_out", [B, H, W, D].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& cond, runtime::Trace* trace = nullptr) const;

  /// ids: [...] long; returns [..., D].
  at::Tensor embedded(const at::Tensor& ids) const { return at::embedding(embs_, ids); }
  /// What the places of the picture add, [1, H, W, D].
  at::Tensor places() const { return (pos_embs_h_.unsqueeze(1) + pos_embs_w_.unsqueeze(0)).unsqueeze(0); }
  /// The logits of what left the inner stack. r: [..., D]; returns [..., K] in fp32.
  at::Tensor logits(const at::Tensor& r) const;

  const AxialOptions& options() const { return options_; }
  /// Blocks of rows and of columns in turn; none unless the attention is axial.
  const std::vector<std::shared_ptr<AxialBlock>>& outer() const { return outer_; }
  const std::vector<std::shared_ptr<AxialBlock>>& inner() const { return inner_; }

  void initialise();

 private:
  at::Tensor upper_context(at::Tensor u, runtime::Trace* trace) const;

  AxialOptions options_;
  at::Tensor embs_, pos_embs_h_, pos_embs_w_;  ///< [K, D], [H, D], [W, D]
  std::vector<std::shared_ptr<AxialBlock>> outer_, inner_;
  std::shared_ptr<AxialNorm> final_ln_;
  std::shared_ptr<AxialDense> final_dense_;
};

/// A block along the rows or the columns of x, [B, H, W, D]; returns the same shape.
at::Tensor along_rows(const AxialBlock& block, const at::Tensor& x);
at::Tensor along_columns(const AxialBlock& block, const at::Tensor& x);

/// The Axial Transformer of pictures: Transformer2d for one channel, Transformer3d for channels that are
/// predicted one after the other ("sliced", the released model), MultiChannelTransformer2d for channels
/// stacked as rows.
///
/// Pictures are levels, [B, H, W, C] long, below num_embs. cond, the condition: broadcast to [B, H, W, D],
/// may be undefined.
class Axial : public torch::nn::Module {
 public:
  explicit Axial(const AxialOptions& options);

  const AxialOptions& options() const { return options_; }
  const AxialPixels& pixels() const { return *transformer2d_; }

  /// The condition of classes, [B] long in [0, class_num], whose last one stands for no class: [B, 1, 1, D];
  /// undefined where the model has no classes.
  at::Tensor condition_of(const at::Tensor& labels) const;
  /// The labels that a training pass sees: some are no class.
  at::Tensor dropped(const at::Tensor& labels) const;

  /// What the exterior stack makes of the channels before `slice`, [B] long, of each sample: [B, H, W, D].
  at::Tensor conditioning(const at::Tensor& x, const at::Tensor& slice, const at::Tensor& cond) const;
  /// Nats of each pixel of one channel per sample: [B, H, W]. Only of sliced channels.
  at::Tensor slice_nats(const at::Tensor& x, const at::Tensor& slice, const at::Tensor& cond) const;
  /// Logits of all channels, [B, H, W, C, K].
  at::Tensor logits(const at::Tensor& x, const at::Tensor& cond) const;
  /// Nats of all pixels and channels, [B, H, W, C].
  at::Tensor nats(const at::Tensor& x, const at::Tensor& cond) const;
  /// What training minimises, in bits per dimension: of one channel per sample, `slice`, where channels are
  /// sliced, of all channels otherwise.
  at::Tensor loss(const at::Tensor& x, const at::Tensor& slice, const at::Tensor& cond) const;

  /// Throws DataError, naming a level, unless x is [B, H, W, C] of levels.
  void check_levels(const at::Tensor& x) const;

  void initialise();
  /// The type of all weights, for inference. They become memory as it comes.
  void set_type(at::ScalarType type);

 private:
  at::Tensor channel_logits(const at::Tensor& x, int64_t channel, const at::Tensor& cond) const;
  at::Tensor stacked_logits(const at::Tensor& x, const at::Tensor& cond) const;
  at::Tensor exterior_input(const at::Tensor& x, const at::Tensor& slice) const;

  AxialOptions options_;
  at::Tensor pos_embs_h_, pos_embs_w_, conv_w_, conv_b_;  ///< of the exterior stack; conv_w_: [3, 3, 2 C, D]
  at::Tensor class_emb_;                                  ///< [class_num + 1, D]; undefined without classes
  std::vector<std::shared_ptr<AxialBlock>> exterior_;
  std::shared_ptr<AxialPixels> transformer2d_;
};

/// Channels as the rows of one picture: [B, H, W, C, …] → [B, C * H, W, …].
at::Tensor stacked_channels(const at::Tensor& x);
/// The condition of such a picture: repeated for each channel. cond: broadcast to [B, H, W, D], may be
/// undefined.
at::Tensor stacked_condition(const at::Tensor& cond, int64_t channels);

/// The levels of pictures [B, 3, H, W] in [-1, 1]: [B, H, W, C] long. With one channel the first of the
/// three counts.
at::Tensor levels_of(const at::Tensor& pictures, const AxialOptions& options);
/// Pictures [B, 3, H, W] in [0, 1] of levels [B, H, W, C], C of 1 or 3: the lowest 8-bit value that is of the
/// level, spread so that the last level is white.
at::Tensor pictures_of(const at::Tensor& levels, const AxialOptions& options);

}  // namespace arzoo::image
