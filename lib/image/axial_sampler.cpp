#include "image/axial_sampler.h"

#include <torch/torch.h>

namespace arzoo::image {
namespace {

/// One picture of one channel as it grows, [B, H, W].
class PixelStream {
 public:
  PixelStream(const AxialPixels& model, int64_t samples, const at::Tensor& cond)
      : model_(model), height_(model.options().rows()), width_(model.options().img_width) {
    base_ = model.places().expand({samples, -1, -1, -1});
    if (cond.defined()) base_ = base_ + cond;
    const bool raster = model.options().attention == "raster";
    for (std::size_t i = 0; i < model.outer().size() / 2; ++i) columns_.emplace_back(height_);
    for (std::size_t i = 0; i < model.inner().size(); ++i)
      before_.emplace_back(raster ? height_ * width_ : width_);
    previous_ = at::zeros({samples, model.options().emb_dim}, base_.options());
  }

  /// Begins a row. above: the levels of the row before, [B, W] long; undefined for the first.
  void begin_row(int64_t row, const at::Tensor& above) {
    const auto& attention = model_.options().attention;
    own_ = base_.select(1, row);
    if (attention == "axial" && above.defined()) own_ = own_ + upper_context(row - 1, above);
    if (attention == "raster") return;
    for (auto& cache : before_) cache.truncate(0);
    previous_.zero_();
  }

  /// The logits of the next pixel, [B, 1, K] in fp32.
  at::Tensor logits(int64_t column) {
    auto r = (previous_ + own_.select(1, column)).unsqueeze(1);
    for (std::size_t i = 0; i < before_.size(); ++i) r = model_.inner()[i]->forward(r, &before_[i]);
    return model_.logits(r).contiguous();
  }

  /// What that pixel became, [B] long.
  void set(const at::Tensor& levels) { previous_ = model_.embedded(levels); }
  at::Device device() const { return base_.device(); }

 private:
  /// A finished row passes the outer stack: [B, W, D].
  at::Tensor upper_context(int64_t row, const at::Tensor& levels) {
    auto u = model_.embedded(levels) + base_.select(1, row);  // [B, W, D]
    const auto sizes = u.sizes().vec();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      u = model_.outer()[2 * i]->forward(u);
      u = model_.outer()[2 * i + 1]->forward(u.reshape({-1, 1, sizes[2]}), &columns_[i]).view(sizes);
    }
    return u;
  }

  const AxialPixels& model_;
  int64_t height_, width_;
  at::Tensor base_;            ///< places and condition, [B, H, W, D]
  at::Tensor own_, previous_;  ///< what a row's pixels add, [B, W, D]; the pixel before, [B, D]
  std::vector<nn::KvCache> columns_, before_;  ///< of the blocks along columns, of the inner ones
};

}  // namespace

at::Tensor sample_axial_pixels(const AxialPixels& model, int64_t samples, const at::Tensor& cond,
                               nn::TokenRandomInputs& random_inputs, int64_t first,
                               const AxialSampling& sampling) {
  const torch::NoGradGuard no_grad;
  const int64_t height = model.options().rows(), width = model.options().img_width;
  PixelStream stream(model, samples, cond);
  const auto picture =
      at::zeros({samples, height, width}, at::TensorOptions(at::kLong).device(stream.device()));
  KnownLevels given;
  if (sampling.known != nullptr)
    given = {sampling.known->levels.to(stream.device()), sampling.known->known.to(stream.device())};
  for (int64_t y = 0; y < height; ++y) {
    stream.begin_row(y, y == 0 ? at::Tensor() : picture.select(1, y - 1));
    for (int64_t x = 0; x < width; ++x) {
      auto logits = stream.logits(x);
      nn::filter_logits(logits, sampling.filter);
      auto level = random_inputs.pick(logits, first + y * width + x).view({samples});
      if (sampling.known != nullptr)
        level =
            at::where(given.known.select(1, y).select(1, x), given.levels.select(1, y).select(1, x), level);
      picture.select(1, y).select(1, x).copy_(level);
      stream.set(level);
    }
    if (sampling.on_row) sampling.on_row(y, picture.cpu());
  }
  return picture.cpu();
}

at::Tensor sample_axial(const Axial& model, int64_t samples, const at::Tensor& cond,
                        nn::TokenRandomInputs& random_inputs, const AxialSampling& sampling) {
  const torch::NoGradGuard no_grad;
  const auto& options = model.options();
  const int64_t channels = options.img_channels, height = options.img_height, width = options.img_width;
  if (!options.is_sliced()) {
    const auto apart = [&](const at::Tensor& tall) {
      return tall.view({samples, channels, height, width}).permute({0, 2, 3, 1});
    };
    KnownLevels known;
    AxialSampling own{.filter = sampling.filter};
    if (sampling.known != nullptr) {
      known = {stacked_channels(sampling.known->levels), sampling.known->known.repeat({1, channels, 1})};
      own.known = &known;
    }
    if (sampling.on_row)
      own.on_row = [&](int64_t row, const at::Tensor& tall) { sampling.on_row(row, apart(tall)); };
    return apart(sample_axial_pixels(model.pixels(), samples, stacked_condition(cond, channels),
                                     random_inputs,
                                     /*first=*/0, own));
  }
  const auto picture = at::zeros({samples, height, width, channels}, at::kLong);
  for (int64_t c = 0; c < channels; ++c) {
    const auto device = model.parameters().front().device();
    const auto slice = at::full({samples}, c, at::TensorOptions(at::kLong).device(device));
    KnownLevels known;
    AxialSampling own{.filter = sampling.filter};
    if (sampling.known != nullptr) {
      known = {sampling.known->levels.select(3, c), sampling.known->known};
      own.known = &known;
    }
    if (sampling.on_row) {
      own.on_row = [&](int64_t row, const at::Tensor& levels) {
        picture.select(3, c).copy_(levels);
        sampling.on_row(c * height + row, picture);
      };
    }
    picture.select(3, c).copy_(sample_axial_pixels(model.pixels(), samples,
                                                   model.conditioning(picture.to(device), slice, cond),
                                                   random_inputs, c * height * width, own));
  }
  return picture;
}

}  // namespace arzoo::image
