#pragma once

#include "nn/adaln.h"
#include "nn/vit_block.h"

/// Blocks of a Vision Transformer that serve several tasks with one set of weights (Zheng et al., Hi-MAR,
/// ICML 2025): an affine of each block and task scales what the branches read and gates what they add.
namespace arzoo::nn {

/// What a task does to one block, [1, 1, D] each.
struct TaskModulation {
  at::Tensor scale_attention, gate_attention, scale_mlp, gate_mlp;
};

/// x += gate_1 attention(norm1(x) (1 + scale_1)); x += gate_2 mlp(norm2(x) (1 + scale_2)). The four vectors
/// are ada * adaLN_scale[task] + adaLN_shift[task], where `ada` is shared by all blocks.
class TaskBlock : public VitBlock {
 public:
  TaskBlock(const VitOptions& options, int64_t tasks);

  /// ada: [1, 1, 4 D].
  TaskModulation modulation(const at::Tensor& ada, int64_t task) const;
  /// Under autograd, or for a single block. x: [B, L, D]; returns the same shape.
  at::Tensor forward(const at::Tensor& x, const TaskModulation& modulation) const;
  /// The official start: the block is a VitBlock, whatever the task.
  void initialise();

 private:
  double dropout_;
  at::Tensor adaLN_scale_, adaLN_shift_;  ///< [tasks, 1, 1, 4 D]
};

/// The names that the owner of a TaskStack gives its parts.
struct TaskStackNames {
  const char *blocks, *norm, *ada, *embedding;
};

/// Blocks, the norm after them, and what a task's number becomes: a linear map of SiLU of a learned row.
class TaskStack {
 public:
  TaskStack(int64_t depth, const VitOptions& options, int64_t tasks);
  void register_in(torch::nn::Module& owner, const TaskStackNames& names);

  /// [1, 1, 4 D]: scale and gate of the attention, of the feed-forward layer, before the blocks' affines.
  at::Tensor ada(int64_t task) const;
  /// The normalised result, [B, L, D] fp32. In inference the sums and norms between branches are one pass,
  /// linear maps are in `type`, and x is changed in place. wanted: [B, Q] long, the only tokens that are
  /// asked for: [B, Q, D].
  at::Tensor forward(at::Tensor x, int64_t task, at::ScalarType type, const at::Tensor& wanted = {}) const;

  const std::vector<std::shared_ptr<TaskBlock>>& blocks() const { return blocks_; }
  /// The type of the blocks' linear maps, for inference.
  void set_type(at::ScalarType type) const;
  /// Computes once what each task makes of the norms; for inference with weights that stay.
  void prepare();
  void initialise();

 private:
  /// A block's norms under a task, folded into one scale and shift, and the gates of its branches.
  struct Folded {
    kernels::Modulation before_attention, before_mlp;
    at::Tensor gate_attention, gate_mlp;
  };
  std::vector<Folded> folded(int64_t task) const;
  at::Tensor infer(at::Tensor x, const std::vector<Folded>& folded, at::ScalarType type,
                   const at::Tensor& wanted) const;

  std::vector<std::shared_ptr<TaskBlock>> blocks_;
  std::shared_ptr<VitNorm> norm_;
  std::shared_ptr<AdaLnModulation> map_;
  int64_t tasks_;
  at::Tensor embedding_;                       ///< [tasks, D]
  std::vector<std::vector<Folded>> prepared_;  ///< by task; empty before prepare()
};

}  // namespace arzoo::nn
