#include "image/picture_codes.h"

#include <torch/torch.h>

#include "runtime/autocast.h"
#include "runtime/training_options.h"

namespace arzoo::image {
namespace {

using runtime::Split;

constexpr std::size_t kEncodedAtOnce = 64;

}  // namespace

PictureCodes::PictureCodes(Encode encode, PictureLoader& loader, const Config& config,
                           const runtime::Compute& compute)
    : encode_(std::move(encode)),
      loader_(loader),
      compute_(compute),
      order_(loader.data().size(Split::train), config.json().at("seed").get<int64_t>(),
             config.at("training").as<runtime::TrainingOptions>().batch_size, compute.share) {}

at::Tensor PictureCodes::encoded(const at::Tensor& images) const {
  return encode_(images.to(compute_.device)).cpu();
}

CodeBatch PictureCodes::on_device(const at::Tensor& labels, const at::Tensor& codes) const {
  return {labels.to(compute_.device), codes.to(compute_.device)};
}

CodeBatch PictureCodes::of_items(Split split, std::span<const int64_t> items) const {
  std::vector<at::Tensor> labels, codes;
  for (std::size_t first = 0; first < items.size(); first += kEncodedAtOnce) {
    const auto part = items.subspan(first, std::min(kEncodedAtOnce, items.size() - first));
    const auto batch = loader_.data().batch(split, part, nullptr);
    labels.push_back(batch.labels);
    codes.push_back(encoded(batch.images));
  }
  return {at::cat(labels), at::cat(codes)};
}

const CodeBatch& PictureCodes::kept(Split split) {
  if (const auto found = kept_.find(split); found != kept_.end()) return found->second;
  // Inference may ask first, but the stored codes are used in training as well.
  const c10::InferenceMode no_inference(false);
  const torch::NoGradGuard no_grad;
  const auto items =
      split == Split::train ? runtime::spread_items(loader_.data().size(split), 0) : loader_.evaluated(split);
  return kept_[split] = of_items(split, items);
}

CodeBatch PictureCodes::training(int64_t batch) {
  // Codes are exact: mixed precision is the generator's alone.
  const runtime::WithoutAutocast full_precision(compute_.device.type());
  const torch::NoGradGuard no_grad;
  if (!loader_.data().is_fixed()) {
    const auto& pictures = loader_.get(batch);
    return on_device(pictures.labels, encoded(pictures.images));
  }
  const auto items = order_.batch(batch);
  const auto chosen = at::tensor(at::IntArrayRef(items.data(), items.size()), at::kLong);
  const auto& all = kept(Split::train);
  return on_device(all.labels.index_select(0, chosen), all.codes.index_select(0, chosen));
}

void PictureCodes::each(Split split, const std::function<void(const CodeBatch&)>& visit) {
  if (!loader_.data().is_fixed()) {
    loader_.each(split,
                 [&](const ImageBatch& batch) { visit(on_device(batch.labels, encoded(batch.images))); });
    return;
  }
  if (loader_.evaluated(split).empty()) return;
  const c10::InferenceMode inference;
  const auto& all = kept(split);
  const auto size = loader_.evaluation().batch_size;
  for (int64_t first = 0; first < all.labels.size(0); first += size) {
    const auto count = std::min(size, all.labels.size(0) - first);
    visit(on_device(all.labels.narrow(0, first, count), all.codes.narrow(0, first, count)));
  }
}

at::Tensor PictureCodes::some(int64_t count) {
  const torch::NoGradGuard no_grad;
  const auto items = runtime::spread_items(loader_.data().size(Split::train), count);
  if (!loader_.data().is_fixed()) return of_items(Split::train, items).codes;
  const auto chosen = at::tensor(at::IntArrayRef(items.data(), items.size()), at::kLong);
  return kept(Split::train).codes.index_select(0, chosen);
}

}  // namespace arzoo::image
