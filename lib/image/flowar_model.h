#pragma once

#include "image/flow_net.h"
#include "image/grid.h"
#include "runtime/losses.h"

namespace arzoo::image {

/// A block of the scale-wise transformer, its norms modulated by the class.
class FlowArBlock : public torch::nn::Module {
 public:
  FlowArBlock(const FlowArOptions& options, int64_t heads);

  /// classes: [B, D].
  BlockModulation modulation(const at::Tensor& classes) const {
    return BlockModulation::of(ada_lin_->forward(classes).unbind(2));
  }
  /// All scales at once, under autograd. x: [B, L, D]; bias: [1, 1, L, L].
  at::Tensor forward(const at::Tensor& x, const BlockModulation& modulation,
                     const kernels::RopeAngles& angles, const at::Tensor& bias) const;

  const GridAttention& attention() const { return *attn_; }
  const GegluMlp& mlp() const { return *mlp_; }

 private:
  double proj_dropout_;
  std::shared_ptr<GridAttention> attn_;
  std::shared_ptr<GegluMlp> mlp_;
  std::shared_ptr<nn::AdaLnModulation> ada_lin_;
};

/// A generation on its way: what each block has seen.
struct FlowArGeneration {
  at::Tensor start;                          ///< of scale 0, [B, 1, D]
  std::vector<BlockModulation> modulations;  ///< of each block
  std::vector<nn::KvCache> caches;           ///< of each block; empty: all scales pass at once
  std::size_t next = 0;                      ///< the scale that comes next
  runtime::Trace* trace = nullptr;           ///< collects each block's output of each scale
};

/// The random numbers of a training pass; what is undefined is sampled.
struct FlowRandomInputs {
  at::Tensor label_drop;  ///< [B] uniform: below label_drop_prob a sample loses its class
  at::Tensor times;       ///< [B, scales] in [0, 1]
  at::Tensor noise;       ///< [B, L, C], the scales one after another
};

/// FlowAR's transformer and flow network, without the tokenizer.
class FlowAr : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit FlowAr(const FlowArOptions& options);

  const FlowArOptions& options() const { return options_; }
  const Grids& grids() const { return grids_; }
  int64_t null_class() const { return options_.class_num; }
  const FlowNet& flow() const { return *flownet_; }

  /// What each scale is to become: the latent, made smaller by averaging. latents: [B, C, H, W]; returns [B,
  /// s_k s_k, C] each.
  std::vector<at::Tensor> targets(const at::Tensor& latents) const;
  /// Tokens of scale k, [B, s_k s_k, C], enlarged (bicubic) to the latent's size, [B, C, H, W].
  at::Tensor enlarged(const at::Tensor& tokens, std::size_t scale) const;
  /// What scale k + 1 sees of scale k: enlarged (bicubic) to the latent's size, made smaller by averaging.
  /// tokens: [B, s_k s_k, C]; returns [B, s_{k+1} s_{k+1}, C].
  at::Tensor next_input(const at::Tensor& tokens, std::size_t scale) const;

  /// Teacher forcing under autograd: z of all scales, [B, L, D]. inputs: of scales 1, 2, …, together [B, L -
  /// s_0 s_0, C]. Traced are "x_input_embed", "enc_block0", "enc_out" and "dec_norm_out".
  at::Tensor forward(const at::Tensor& labels, const at::Tensor& inputs,
                     runtime::Trace* trace = nullptr) const;
  /// The labels that a training pass sees: some are the null class.
  at::Tensor dropped(const at::Tensor& labels, const at::Tensor& uniform) const;
  /// Mean squared error of the velocity of each sample and scale, [B, scales].
  at::Tensor errors(const at::Tensor& latents, const at::Tensor& labels,
                    const FlowRandomInputs& random_inputs = {}) const;
  /// The loss of such errors: scales weigh as many tokens as they have, next to the finest's.
  at::Tensor loss(const at::Tensor& errors) const;

  /// A generation of these classes, [B] long. Throws UsageError for a class that is none.
  FlowArGeneration begin(const at::Tensor& labels) const;
  /// z of the next scale, [B, N, D]. input: what it sees, [B, N, C]; undefined for scale 0.
  at::Tensor extend(FlowArGeneration& generation, const at::Tensor& input) const;
  /// What forward() tells, in inference: z of all scales in one pass, [B, L, D]. Throws as begin() does.
  at::Tensor all_states(const at::Tensor& labels, const at::Tensor& inputs) const;

  /// The official start.
  void initialise();
  /// The type of the linear maps inside the blocks, for inference. Their weights become memory as it comes.
  void set_type(at::ScalarType type);

 private:
  using Blocks = std::vector<std::shared_ptr<FlowArBlock>>;
  void register_tables();
  /// A generation of these classes that keeps no keys and values.
  FlowArGeneration conditioned(const at::Tensor& labels) const;
  Blocks make_blocks(const char* name, int64_t depth, int64_t heads);
  at::Tensor run_blocks(const Blocks& blocks, std::size_t first, at::Tensor x, FlowArGeneration& generation,
                        const nn::RmsNorm& norm) const;
  /// z of tokens [B, N, D] that stand at places first, first + 1, …
  at::Tensor pass(FlowArGeneration& generation, const at::Tensor& tokens, int64_t first) const;

  FlowArOptions options_;
  Grids grids_;
  at::ScalarType type_ = at::kFloat;
  at::Tensor class_emb_;  ///< [class_num + 1, D]
  at::Tensor encoder_pos_embed_learned_, decoder_pos_embed_learned_, diffusion_pos_embed_learned_;
  at::Tensor mask_;  ///< [1, 1, L, L], 0 where a token sees another, -inf elsewhere
  std::shared_ptr<nn::LinearLayer> z_proj_, decoder_embed_;
  std::shared_ptr<nn::RmsNorm> z_proj_ln_, encoder_norm_, decoder_norm_;
  Blocks encoder_blocks_, decoder_blocks_;
  std::shared_ptr<FlowNet> flownet_;
};

}  // namespace arzoo::image
