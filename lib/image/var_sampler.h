#pragma once

#include "image/var_model.h"
#include "image/vqvae_model.h"
#include "nn/token_sampler.h"

namespace arzoo::image {

/// How pictures are sampled.
struct VarSampling {
  double cfg_scale = 1.5;                 ///< guidance scale at the last scale, growing linearly from 0
  std::vector<nn::TokenSampling> scales;  ///< of each scale; one entry stands for all, none for no filter
  std::vector<int64_t> depths;            ///< blocks that each scale passes through (VARiant); none: all
  std::vector<double> pruned;             ///< of each scale: share of its tokens that are skipped; none: 0
  bool more_smooth = false;  ///< mix code vectors instead of choosing one: for looking at, not FID

  const nn::TokenSampling& at(std::size_t scale) const;
};

/// Of a model with so many scales; lists no longer than that.
VarSampling var_sampling(const VarGenerationOptions& options, std::size_t scales);

/// Tokens that are given instead of sampled: for in-painting, out-painting and class-conditional editing.
struct KnownTokens {
  std::vector<at::Tensor> ids;    ///< of each scale, [1 or B, tokens] long
  std::vector<at::Tensor> known;  ///< [1 or B, tokens] bool, true where ids counts
};

/// Watches a generation.
class SamplingObserver {
 public:
  virtual ~SamplingObserver() = default;
  /// The guided logits of a scale, [B, tokens, V], before any code is ruled out.
  virtual void on_logits(std::size_t /*scale*/, const at::Tensor& /*logits*/) {}
  /// A scale's tokens and the sum of all scales so far; `next`: the maps that the next scale sees, undefined
  /// after the last.
  virtual void on_scale(std::size_t /*scale*/, const at::Tensor& /*ids*/, const at::Tensor& /*f_hat*/,
                        const at::Tensor& /*next*/) {}
  /// What one model's keys and values took after its scales.
  virtual void on_cached(int64_t /*bytes*/) {}
};

/// Draws pictures with one VAR, or with two that share the work: a drafter for the coarse scales, a refiner
/// for the rest (CoDe: Chen et al., CVPR 2025).
class VarSampler {
 public:
  /// Everything must outlive the sampler. Throws CheckpointError when tokenizer and transformer do not fit.
  VarSampler(Vqvae& vae, const Var& model);

  /// The refiner takes over at scale `draft_steps`. Throws UsageError unless 0 < draft_steps < scales,
  /// CheckpointError when its scales differ.
  void refine_with(const Var& refiner, int64_t draft_steps);
  /// `known` must outlive the run.
  void keep(const KnownTokens* known) { known_ = known; }

  /// The sum of all code vectors, [B, z, p_S, p_S], of pictures of these classes, [B] long. `trace`: collects
  /// each block's output of each scale.
  at::Tensor features(const at::Tensor& labels, const VarSampling& sampling,
                      nn::TokenRandomInputs& random_inputs, SamplingObserver* observer = nullptr,
                      runtime::Trace* trace = nullptr) const;
  /// Draws the tokens of the scales after the `given` ones, of scale 0, 1, …, [B, tokens] long each, up to
  /// scale `until`. The given scales and the first that is sampled pass together and see one another whole,
  /// as in the official code of Distilled Decoding. Returns the tokens of all scales before `until`.
  std::vector<at::Tensor> tokens_after(std::vector<at::Tensor> given, std::size_t until,
                                       const at::Tensor& labels, const VarSampling& sampling,
                                       nn::TokenRandomInputs& random_inputs,
                                       SamplingObserver* observer = nullptr) const;
  /// Pictures [B, 3, H, W] in [0, 1] of such features.
  at::Tensor pictures(const at::Tensor& features) const;

 private:
  struct Run;
  void sample_scale(Run& run, const at::Tensor& hidden, const VarGeneration& generation,
                    const Var& model) const;
  std::vector<int64_t> blocks(const Var& model, const VarSampling& sampling, std::size_t scale) const;
  VarGeneration begin(const Var& model, const Run& run, const at::Tensor& labels, std::size_t until) const;
  Run start(const VarSampling& sampling, nn::TokenRandomInputs& random_inputs, SamplingObserver* observer,
            int64_t pictures) const;
  void draft(Run& run, const at::Tensor& labels, std::size_t until, runtime::Trace* trace) const;
  void refine(Run& run, const at::Tensor& labels) const;

  Vqvae& vae_;
  const Var& model_;
  const Var* refiner_ = nullptr;
  std::size_t draft_steps_ = 0;
  const KnownTokens* known_ = nullptr;
};

}  // namespace arzoo::image
