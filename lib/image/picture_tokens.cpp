#include "image/picture_tokens.h"

#include <torch/torch.h>

#include "runtime/autocast.h"
#include "runtime/training_options.h"

namespace arzoo::image {
namespace {

using runtime::Split;

constexpr std::size_t kEncodedAtOnce = 64;

}  // namespace

PictureTokens::PictureTokens(Vqvae& vae, Grids grids, PictureLoader& loader, const Config& config,
                             const runtime::Compute& compute)
    : vae_(vae),
      grids_(std::move(grids)),
      loader_(loader),
      compute_(compute),
      order_(loader.data().size(Split::train), config.json().at("seed").get<int64_t>(),
             config.at("training").as<runtime::TrainingOptions>().batch_size) {}

/// [B, L] int, on the CPU.
at::Tensor PictureTokens::encoded(const at::Tensor& images) {
  return at::cat(vae_.tokens(images.to(compute_.device), grids_), 1).to(at::kInt).cpu();
}

TokenBatch PictureTokens::batch_of(const at::Tensor& labels, const at::Tensor& ids) {
  TokenBatch batch{labels.to(compute_.device), ids.to(compute_.device, at::kLong), {}};
  std::vector<int64_t> counts;
  for (const auto& grid : grids_) counts.push_back(grid.tokens());
  batch.maps = vae_.quantizer().teacher_input(batch.targets.split_with_sizes(counts, 1), grids_);
  return batch;
}

const PictureTokens::Kept& PictureTokens::kept(Split split) {
  if (const auto found = kept_.find(split); found != kept_.end()) return found->second;
  // Whoever asks first: what is kept serves training as well.
  const c10::InferenceMode no_inference(false);
  const torch::NoGradGuard no_grad;
  const auto& data = loader_.data();
  const auto items =
      split == Split::train ? runtime::spread_items(data.size(split), 0) : loader_.evaluated(split);
  std::vector<at::Tensor> labels, ids;
  for (std::size_t first = 0; first < items.size(); first += kEncodedAtOnce) {
    const auto count = std::min(kEncodedAtOnce, items.size() - first);
    const auto batch = data.batch(split, std::span(items).subspan(first, count), nullptr);
    labels.push_back(batch.labels);
    ids.push_back(encoded(batch.images));
  }
  return kept_[split] = {at::cat(labels), at::cat(ids)};
}

TokenBatch PictureTokens::training(int64_t batch) {
  // Tokens are exact: mixed precision is the transformer's alone.
  const runtime::WithoutAutocast full_precision(compute_.device.type());
  const torch::NoGradGuard no_grad;
  if (!loader_.data().is_fixed()) {
    const auto& pictures = loader_.get(batch);
    return batch_of(pictures.labels, encoded(pictures.images));
  }
  const auto items = order_.batch(batch);
  const auto chosen = at::tensor(at::IntArrayRef(items.data(), items.size()), at::kLong);
  const auto& all = kept(Split::train);
  return batch_of(all.labels.index_select(0, chosen), all.ids.index_select(0, chosen));
}

void PictureTokens::each(Split split, const std::function<void(const TokenBatch&)>& visit) {
  if (!loader_.data().is_fixed()) {
    loader_.each(split,
                 [&](const ImageBatch& batch) { visit(batch_of(batch.labels, encoded(batch.images))); });
    return;
  }
  if (loader_.evaluated(split).empty()) return;
  const c10::InferenceMode inference;
  const auto& all = kept(split);
  const auto size = loader_.evaluation().batch_size;
  for (int64_t first = 0; first < all.labels.size(0); first += size) {
    const auto count = std::min(size, all.labels.size(0) - first);
    visit(batch_of(all.labels.narrow(0, first, count), all.ids.narrow(0, first, count)));
  }
}

}  // namespace arzoo::image
