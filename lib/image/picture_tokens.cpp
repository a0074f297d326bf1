#include "image/picture_tokens.h"

#include <torch/torch.h>

#include "runtime/autocast.h"

namespace arzoo::image {

PictureTokens::PictureTokens(Vqvae& vae, Grids grids, PictureLoader& loader, const Config& config,
                             const runtime::Compute& compute)
    : vae_(vae),
      grids_(std::move(grids)),
      codes_(
          [this](const at::Tensor& images) { return at::cat(vae_.tokens(images, grids_), 1).to(at::kInt); },
          loader, config, compute) {}

TokenBatch PictureTokens::batch_of(const CodeBatch& codes) {
  TokenBatch batch{codes.labels, codes.codes.to(at::kLong), {}};
  std::vector<int64_t> counts;
  for (const auto& grid : grids_) counts.push_back(grid.tokens());
  batch.maps = vae_.quantizer().teacher_input(batch.targets.split_with_sizes(counts, 1), grids_);
  return batch;
}

TokenBatch PictureTokens::training(int64_t batch) {
  const auto codes = codes_.training(batch);
  const runtime::WithoutAutocast full_precision(codes.codes.device().type());
  const torch::NoGradGuard no_grad;
  return batch_of(codes);
}

void PictureTokens::each(runtime::Split split, const std::function<void(const TokenBatch&)>& visit) {
  codes_.each(split, [&](const CodeBatch& codes) { visit(batch_of(codes)); });
}

}  // namespace arzoo::image
