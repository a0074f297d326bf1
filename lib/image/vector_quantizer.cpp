#include "image/vector_quantizer.h"

#include <torch/torch.h>

#include "image/residual_quantizer.h"
#include "nn/embedding_table.h"

namespace arzoo::image {
namespace {

constexpr double kShortest = 1e-12;
constexpr double kEntropyTemperature = 0.01, kInsideLogarithm = 1e-5;

/// The squared distances, [N, V]. z: [N, C]; codebook: [V, C].
at::Tensor distances(const at::Tensor& z, const at::Tensor& codebook) {
  const auto squares = z.square().sum(1, /*keepdim=*/true) + codebook.square().sum(1);
  return squares - 2 * at::matmul(z, codebook.t());
}

/// The mean entropy of the codes' probabilities less the entropy of their mean (Yu et al., MAGVIT-v2, 2023),
/// with the official offsets.
at::Tensor entropy_loss(const at::Tensor& squared) {
  const auto affinity = -squared / kEntropyTemperature;
  const auto p = at::softmax(affinity, -1), log_p = at::log_softmax(affinity + kInsideLogarithm, -1);
  const auto mean = p.mean(0);
  return (mean * (mean + kInsideLogarithm).log()).sum() - (p * log_p).sum(-1).mean();
}

}  // namespace

VectorQuantizer::VectorQuantizer(const LlamaGenVqOptions& options)
    : l2_norm_(options.codebook_l2_norm),
      beta_(options.commit_loss_beta),
      entropy_ratio_(options.entropy_loss_ratio),
      codebook_(nn::register_table(*this, "embedding", options.codebook_size, options.codebook_embed_dim)) {}

at::Tensor VectorQuantizer::normalised(const at::Tensor& rows) const {
  return l2_norm_ ? rows / rows.norm(2, -1, /*keepdim=*/true).clamp_min(kShortest) : rows;
}

at::Tensor VectorQuantizer::encode(const at::Tensor& z) const {
  const torch::NoGradGuard no_grad;
  const auto rows = normalised(z.to(at::kFloat).permute({0, 2, 3, 1}));
  return nearest_codes(rows.reshape({-1, rows.size(3)}), normalised(codebook_))
      .view({rows.size(0), rows.size(1), rows.size(2)});
}

at::Tensor VectorQuantizer::lookup(const at::Tensor& ids) const {
  return normalised(at::embedding(codebook_, ids)).permute({0, 3, 1, 2}).contiguous();
}

VectorQuantizer::Pass VectorQuantizer::train_pass(const at::Tensor& z) const {
  const auto rows = normalised(z.permute({0, 2, 3, 1}));  // [B, h, w, C]
  const auto flat = rows.reshape({-1, rows.size(3)}), codes = normalised(codebook_);
  const auto squared = distances(flat, codes);
  const auto ids = squared.detach().argmin(1).view({rows.size(0), rows.size(1), rows.size(2)});
  const auto chosen = at::embedding(codes, ids);
  const auto entropy =
      entropy_ratio_ > 0 ? entropy_loss(squared) * entropy_ratio_ : at::zeros({}, flat.options());
  return {(rows + (chosen - rows).detach()).permute({0, 3, 1, 2}), (chosen - rows.detach()).square().mean(),
          (chosen.detach() - rows).square().mean() * beta_, entropy, ids};
}

void VectorQuantizer::initialise() {
  const torch::NoGradGuard no_grad;
  const double bound = 1.0 / static_cast<double>(codebook_.size(0));
  codebook_.uniform_(-bound, bound);
  codebook_.copy_(normalised(codebook_));
}

}  // namespace arzoo::image
