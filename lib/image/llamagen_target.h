#pragma once

#include "image/llamagen_stream.h"
#include "nn/draft_decoding.h"

namespace arzoo::image {

/// A picture in the making as what verifies, or makes, drafts. One picture.
class LlamaGenTarget : public nn::DraftTarget {
 public:
  /// The stream, which has begun, must outlive it.
  explicit LlamaGenTarget(LlamaGenStream& stream, int64_t length) : stream_(stream), length_(length) {}

  at::Tensor read(const nn::DraftTree& tree) override;
  void keep(int64_t length, const std::vector<int64_t>& nodes) override { stream_.keep(length, nodes); }

 private:
  LlamaGenStream& stream_;
  int64_t length_;  ///< tokens of a picture
};

}  // namespace arzoo::image
