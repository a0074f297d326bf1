#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace arzoo::image {

/// How many pictures show something that their captions say.
struct CaptionMatch {
  std::string name;
  int64_t matches = 0, pictures = 0;
};

/// What a generator of captions offers beside pictures where it can be measured what they show.
class CaptionedGenerator {
 public:
  virtual ~CaptionedGenerator() = default;
  /// The nouns of the captions, for a network that tells apart what pictures show; empty where they are
  /// unknown.
  virtual const std::vector<std::string>& nouns() const = 0;
  /// Of each caption its noun's number, [B] long. labels: the captions' numbers.
  virtual at::Tensor nouns_of(const at::Tensor& labels) const = 0;
  /// images: [B, 3, H, W] in [0, 1], generated from the captions `labels`; empty where nothing can be
  /// measured.
  virtual std::vector<CaptionMatch> caption_matches(const at::Tensor& images,
                                                    const at::Tensor& labels) const = 0;
};

}  // namespace arzoo::image
