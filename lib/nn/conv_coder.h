#pragma once

#include <vector>

#include "nn/conv_blocks.h"

/// Encoder and decoder of the autoencoders in the line of VQGAN (Esser et al., CVPR 2021) and of latent
/// diffusion, with their official names.
namespace arzoo::nn {

/// What the official codes call the parts.
enum class ConvNames {
  taming,   ///< down.i.block.j, up.i.block.j (0 the finest), mid.block_1, mid.attn_1, mid.block_2
  llamagen  ///< conv_blocks.i.res.j in the order of computation, mid.0, mid.1, mid.2
};

/// The sizes that both halves share.
struct ConvCoderOptions {
  int64_t in_channels = 3;                         ///< of the image
  int64_t latent_channels = 0;                     ///< of what the encoder returns and the decoder takes
  int64_t ch = 160;                                ///< width of the finest level
  std::vector<int64_t> ch_mult = {1, 1, 2, 2, 4};  ///< of each level's width, finest first
  int64_t num_res_blocks = 2;                      ///< of a level; the decoder has one more
  bool fused_attention = true;                     ///< queries, keys and values are one convolution
  bool decoder_attention = true;  ///< the decoder attends at its coarsest level, as the encoder does
  double dropout = 0.0;           ///< in each residual block, in training
  ConvNames names = ConvNames::taming;
};

/// The middle of either half: residual block, attention, residual block.
class ConvMiddle : public torch::nn::Module {
 public:
  ConvMiddle(int64_t channels, const ConvCoderOptions& options);
  at::Tensor forward(const at::Tensor& x);

 private:
  std::shared_ptr<ResBlock> block_1_, block_2_;
  std::shared_ptr<AttnBlock> attn_1_;
};

/// One resolution: residual blocks, each followed by attention at the coarsest level, then a change of size
/// except at the end of the stack.
struct ConvLevel {
  std::vector<std::shared_ptr<ResBlock>> blocks;
  std::vector<std::shared_ptr<AttnBlock>> attentions;  ///< one per block, or none
  std::shared_ptr<Downsample> downsample;
  std::shared_ptr<Upsample> upsample;

  at::Tensor forward(at::Tensor x) const;
};

class ConvEncoder : public torch::nn::Module {
 public:
  explicit ConvEncoder(const ConvCoderOptions& options);
  /// x: [B, in_channels, H, W]; returns [B, latent_channels, H / f, W / f] with f = 2^(levels - 1).
  at::Tensor forward(const at::Tensor& x);

 private:
  std::shared_ptr<Conv2d> conv_in_, conv_out_;
  std::vector<ConvLevel> levels_;
  std::shared_ptr<ConvMiddle> mid_;
  std::shared_ptr<GroupNorm> norm_out_;
};

class ConvDecoder : public torch::nn::Module {
 public:
  explicit ConvDecoder(const ConvCoderOptions& options);
  /// z: [B, latent_channels, h, w]; returns [B, in_channels, h f, w f].
  at::Tensor forward(const at::Tensor& z);

 private:
  std::shared_ptr<Conv2d> conv_in_, conv_out_;
  std::shared_ptr<ConvMiddle> mid_;
  std::vector<ConvLevel> levels_;  ///< finest first, as the official names count them
  std::shared_ptr<GroupNorm> norm_out_;
};

}  // namespace arzoo::nn
