#pragma once

#include <functional>

#include "distill/ar_diffusion.h"

/// The losses of Distilled Decoding 2 (Liu et al., NeurIPS 2025) in velocity form, as
/// docs/families/distillation.md reconstructs them. Sums run over positions and channels, means over the
/// batch.
///
/// B samples, L tokens, C width of a latent, V codes.
namespace arzoo::distill {

/// The random inputs of one loss.
struct ScoreRandomInputs {
  at::Tensor t;      ///< [B, L, 1]
  at::Tensor noise;  ///< [B, L, C]

  /// (1 - t) q + t e.
  at::Tensor noised(const at::Tensor& q) const { return (1.0 - t) * q + t * noise; }
  /// The parts of the tokens from `first` on.
  ScoreRandomInputs after(int64_t first) const;
};

/// The teacher's conditional score: the mean of the last T tokens, given those before each of them, seen
/// noised: (q_t [B, T, C], t [B, T, 1]) to [B, T, C], differentiable in q_t. With guidance, as it is sampled.
using TeacherMean = std::function<at::Tensor(const at::Tensor& q_t, const at::Tensor& t)>;
/// That of a teacher that chooses from a codebook [V, C]. logits, [B, L, V]: log-probabilities of its next
/// token up to a constant.
TeacherMean closed_form_mean(at::Tensor logits, at::Tensor codebook);

/// Ground truth score loss: the network against the teacher's score, which its probabilities give in closed
/// form. The first stage's.
struct GtsTerms {
  at::Tensor q_t, teacher_velocity, velocity;  ///< [B, L, C]
  at::Tensor loss;                             ///< |v - v_Phi|^2
};
GtsTerms gts_loss(ArDiffusion& network, const at::Tensor& labels, const at::Tensor& q,
                  const TeacherMean& teacher, const ScoreRandomInputs& random_inputs);

/// Fake conditional score loss: score matching of the guidance network on generated tokens q, which get no
/// gradient; of those from `first` on.
struct FcsTerms {
  at::Tensor velocity;  ///< [B, L - first, C]
  at::Tensor loss;      ///< |v - (e - q)|^2
};
FcsTerms fcs_loss(ArDiffusion& guidance, const at::Tensor& labels, const at::Tensor& q,
                  const ScoreRandomInputs& random_inputs, int64_t first = 0);

/// Conditional score distillation in the form of SiD (Zhou et al., ICML 2024): the difference of the
/// teacher's and the guidance network's means, given the prefixes as they are. Its gradient reaches q
/// directly and through the noised q in both denoisers, and nothing else.
struct CsdTerms {
  at::Tensor real, fake;  ///< posterior means, [B, L - first, C]
  at::Tensor weight;      ///< |q - real|, mean over channels, [B, L - first]
  at::Tensor loss;        ///< a number without gradient
  at::Tensor gradient;    ///< d loss / d q, [B, L, C], 0 before `first`
};
CsdTerms csd_loss(ArDiffusion& guidance, const at::Tensor& labels, const at::Tensor& q,
                  const TeacherMean& teacher, const ScoreRandomInputs& random_inputs, double alpha,
                  int64_t first = 0);

/// A loss of this value whose gradient with respect to q is `gradient`.
at::Tensor with_gradient(const at::Tensor& loss, const at::Tensor& q, const at::Tensor& gradient);

}  // namespace arzoo::distill
