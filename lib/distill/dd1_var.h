#pragma once

#include "distill/final_layer.h"
#include "distill/var_students.h"
#include "image/var_sampler.h"

namespace arzoo::distill {

/// The student of Distilled Decoding 1 for VAR (official class DD_Model), under its official names.
///
/// A VAR with one more level before the others, that of the class token, whose tokens stand each at its own
/// place: code vectors where they are known ("data"), noise elsewhere. A token sees the levels below its own
/// and itself. DD time t: the class and the first t scales are data. Notation: B samples, L tokens of all
/// scales, z width of a code vector, V codes.
class Dd1Var : public image::Var {
 public:
  explicit Dd1Var(const Dd1VarOptions& options);

  const Dd1VarOptions& dd_options() const { return dd_options_; }
  /// Of the tokens, without the class.
  const image::Grids& token_grids() const { return token_grids_; }

  /// What passed the blocks, ready for both heads.
  struct Hidden {
    at::Tensor tokens;     ///< [B, L, C]
    at::Tensor condition;  ///< [B, C]
    /// Those from `first` on, up to `end`.
    Hidden part(int64_t first, int64_t end) const {
      return {tokens.narrow(1, first, end - first), condition};
    }
  };
  /// labels: [B] long; tokens: [B, L, z]. trace: collects each block's output.
  Hidden hidden(const at::Tensor& labels, const at::Tensor& tokens, int64_t t,
                runtime::Trace* trace = nullptr);
  /// Scores of the codes, [B, tokens, V].
  at::Tensor logits(const Hidden& hidden) const { return logits_of(hidden.tokens, hidden.condition); }
  /// The token itself, [B, tokens, z].
  at::Tensor continuous(const Hidden& hidden) const;

  /// Tokens that are data at time t.
  int64_t known(int64_t t) const { return image::tokens_of(token_grids_, static_cast<std::size_t>(t)); }

  /// The official initialisation of a student: the teacher's weights; weights that the teacher does not have
  /// are sampled from the default generator.
  void start_from(const image::Var& teacher);

 private:
  Dd1VarOptions dd_options_;
  image::Grids token_grids_;
  at::Tensor n_d_embed_;                                               ///< [2, C]: noise, data
  std::vector<std::shared_ptr<nn::LinearLayer>> layerwise_n_d_embed_;  ///< of each block and of the heads
  std::shared_ptr<FinalLayer> final_;
};

/// Generates with a Dd1Var. Noise and tokens are [B, L, z].
class Dd1Sampler {
 public:
  /// codebook: [V, z]. random_inputs: sample the codes by their probabilities instead of taking the most
  /// likely. All must outlive the sampler.
  Dd1Sampler(Dd1Var& model, const at::Tensor& codebook, nn::TokenRandomInputs* random_inputs = nullptr)
      : model_(model), codebook_(codebook), random_inputs_(random_inputs) {}

  /// What the model sees at time t: x where it is data, the first noise elsewhere.
  at::Tensor perturbed(const at::Tensor& x, const at::Tensor& noise, int64_t t) const;
  /// One step at time t from what perturbed() made: data stays; in chosen_scales() a code vector of each
  /// token, the most likely or a sampled one; the predicted vectors after it.
  at::Tensor step(const at::Tensor& labels, const at::Tensor& x, int64_t t) const;
  /// One step for each time.
  at::Tensor sample(const at::Tensor& labels, const at::Tensor& noise,
                    const std::vector<int64_t>& times) const;

 private:
  Dd1Var& model_;
  const at::Tensor& codebook_;
  nn::TokenRandomInputs* random_inputs_;
};

/// The pre-trained teacher between the two steps of a student: it generates scales first to last - 1 again,
/// given what the student has generated before them. All must outlive it.
struct TeacherSteps {
  const image::Var& model;
  image::Vqvae& vae;
  image::VarSampling sampling;
  int64_t first, last;

  /// ids: [B, L] long; returns those of the scales before `last`.
  at::Tensor resampled(const at::Tensor& labels, const at::Tensor& ids,
                       nn::TokenRandomInputs& random_inputs) const;
};

}  // namespace arzoo::distill
