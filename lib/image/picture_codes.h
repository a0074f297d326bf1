#pragma once

#include <map>

#include "image/picture_data.h"
#include "runtime/device.h"

namespace arzoo::image {

/// Pictures as a frozen tokenizer sees them.
struct CodeBatch {
  at::Tensor labels;  ///< [B] long
  at::Tensor codes;   ///< [B, …], the tokenizer's output for each picture
};

/// Encodes pictures. Where no augmentation changes them, each is encoded once and its code stays in memory.
class PictureCodes {
 public:
  /// images: [B, 3, P, P] on the device; returns [B, …].
  using Encode = std::function<at::Tensor(const at::Tensor& images)>;

  /// config: resolved. loader must outlive it.
  PictureCodes(Encode encode, PictureLoader& loader, const Config& config, const runtime::Compute& compute);

  /// Training batch `batch`, counted over all epochs.
  CodeBatch training(int64_t batch);
  /// Calls `visit` with the evaluated pictures of the split, a batch at a time; in inference mode.
  void each(runtime::Split split, const std::function<void(const CodeBatch&)>& visit);
  /// The codes of `count` training pictures at most, evenly spread, without augmentation.
  at::Tensor some(int64_t count);

 private:
  at::Tensor encoded(const at::Tensor& images) const;
  CodeBatch on_device(const at::Tensor& labels, const at::Tensor& codes) const;
  CodeBatch of_items(runtime::Split split, std::span<const int64_t> items) const;
  const CodeBatch& kept(runtime::Split split);

  Encode encode_;
  PictureLoader& loader_;
  runtime::Compute compute_;
  runtime::EpochOrder order_;
  std::map<runtime::Split, CodeBatch> kept_;  ///< of the split's items, or of those that are evaluated
};

}  // namespace arzoo::image
