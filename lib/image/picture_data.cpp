#include "image/picture_data.h"

#include <torch/torch.h>

#include <cmath>

#include "core/error.h"
#include "image/lanczos.h"
#include "runtime/picture_tensor.h"

namespace arzoo::image {
namespace {

using runtime::Split;

io::Picture mirrored(const io::Picture& picture) {
  auto out = picture;
  for (int64_t y = 0; y < picture.height; ++y) {
    for (int64_t x = 0; x < picture.width; ++x) {
      const auto* const from = picture.pixels.data() + y * picture.row_bytes() + x * picture.channels;
      std::copy(from, from + picture.channels,
                out.pixels.data() + (y + 1) * picture.row_bytes() - (x + 1) * picture.channels);
    }
  }
  return out;
}

io::Picture window(const io::Picture& picture, int64_t left, int64_t top, int64_t side) {
  io::Picture out{.width = side, .height = side, .channels = picture.channels};
  for (int64_t y = top; y < top + side; ++y) {
    const auto* const row = picture.pixels.data() + y * picture.row_bytes() + left * picture.channels;
    out.pixels.insert(out.pixels.end(), row, row + out.row_bytes());
  }
  return out;
}

/// Where a crop begins; in the centre as Python rounds halves, to even.
int64_t offset(int64_t room, std::mt19937_64* random) {
  if (random == nullptr) return std::llrint(std::nearbyint(static_cast<double>(room) / 2.0));
  return std::uniform_int_distribution<int64_t>(0, room)(*random);
}

}  // namespace

io::Picture cropped(const io::Picture& picture, int64_t pixels, double resize, bool flip,
                    std::mt19937_64* random) {
  const bool mirror = flip && random != nullptr && std::uniform_int_distribution<int>(0, 1)(*random) == 1;
  const io::Picture other = mirror ? mirrored(picture) : io::Picture();
  const auto& seen = mirror ? other : picture;
  const auto target = std::llrint(resize * static_cast<double>(pixels));
  const int64_t short_side = std::min(picture.width, picture.height);
  const auto side = [&](int64_t length) {
    return length == short_side ? target : static_cast<int64_t>(target * length / short_side);
  };
  const auto small = lanczos_resized(seen, side(picture.width), side(picture.height));
  const int64_t top = offset(small.height - pixels, random);
  return window(small, offset(small.width - pixels, random), top, pixels);
}

PictureData::PictureData(const DataOptions& options, int64_t pixels)
    : options_(options),
      pixels_(pixels),
      pictures_(open_pictures(options.path, options.labels, options.classes)) {
  if (!options.test_path.empty()) {
    test_ = open_pictures(options.test_path, options.test_labels, options.classes);
    if (test_->class_names() != pictures_->class_names()) {
      fail<DataError>("{}: other classes than {} ({} of {}), expected the same sub-folders",
                      options.test_path, options.path, test_->class_names().size(),
                      pictures_->class_names().size());
    }
  }
  const auto passed = [&](int64_t items) {
    return static_cast<int64_t>(static_cast<double>(items) * options.validation);
  };
  int64_t place = 0;
  for (const int64_t item : runtime::spread_items(pictures_->size(), options.max_pictures)) {
    (passed(place + 1) > passed(place) ? val_items_ : train_items_).push_back(item);
    ++place;
  }
  if (train_items_.empty())
    fail<DataError>("{}: {} pictures, too few to train on", options.path, pictures_->size());
}

int64_t PictureData::size(Split split) const {
  if (split == Split::test) return test_ == nullptr ? 0 : test_->size();
  return static_cast<int64_t>(split == Split::train ? train_items_.size() : val_items_.size());
}

int64_t PictureData::pictures(Split split) const {
  if (split != Split::test) return pictures_->size();
  return test_ == nullptr ? 0 : test_->size();
}

ImageBatch PictureData::batch(Split split, std::span<const int64_t> items, std::mt19937_64* random) const {
  const auto& set = split == Split::test ? *test_ : *pictures_;
  std::vector<at::Tensor> images;
  std::vector<int64_t> labels;
  for (const int64_t item : items) {
    const auto index =
        split == Split::test ? item : (split == Split::train ? train_items_ : val_items_)[item];
    images.push_back(
        runtime::tensor_of(cropped(set.picture(index), pixels_, options_.resize, options_.flip, random)));
    labels.push_back(options_.captions.empty() ? set.label(index) : index);
  }
  return {at::cat(images), at::tensor(labels, at::kLong)};
}

bool PictureData::is_fixed() const {
  return options_.resize == 1.0 && !options_.flip && pictures_->common_side() > 0;
}

void PictureData::check_labels(const Config& num_classes) const {
  int64_t classes = 0;
  num_classes.read(classes, {});
  for (const auto* set : {pictures_.get(), test_.get()}) {
    for (int64_t i = 0; set != nullptr && i < set->size(); ++i) {
      if (set->label(i) >= classes)
        num_classes.reject(fmt::format("{} classes, but a picture of {} is of class {} (the first is 0)",
                                       classes, options_.path, set->label(i)));
    }
  }
}

std::string PictureData::summary() const {
  return fmt::format("{} pictures of {}x{} to train on, {} to validate, {} to test", size(Split::train),
                     pixels_, pixels_, size(Split::val), size(Split::test));
}

PictureLoader::PictureLoader(const Config& config, int64_t pixels, const Share& share)
    : evaluation_(config.at("evaluation").as<EvaluationOptions>()),
      data_(config.at("data").as<DataOptions>(), pixels),
      batches_(data_, config, share) {}

std::vector<int64_t> PictureLoader::evaluated(Split split) const {
  if (split == Split::test && !evaluation_.test) return {};
  return runtime::spread_items(data_.size(split), evaluation_.max_pictures);
}

void PictureLoader::each(Split split, const std::function<void(const ImageBatch&)>& visit) const {
  batches_.each(split, evaluated(split), evaluation_.batch_size,
                [&](std::span<const int64_t>, const ImageBatch& batch) { visit(batch); });
}

ImageBatch PictureLoader::shown() const {
  const auto [split, items] = batches_.shown(evaluation_.shown);
  if (items.empty()) return {at::empty({0, 3, 1, 1}), at::empty({0}, at::kLong)};
  return data_.batch(split, items, nullptr);
}

}  // namespace arzoo::image
