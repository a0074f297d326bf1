#pragma once

#include "image/llamagen_stream.h"
#include "nn/token_decoding.h"

namespace arzoo::image {

/// Pictures in the making as what verifies, or makes, drafts: a stream each, which pass through the model
/// together.
class LlamaGenTarget : public nn::DraftTarget {
 public:
  /// The streams, of one picture each, must outlive it.
  explicit LlamaGenTarget(std::vector<LlamaGenStream*> streams) : streams_(std::move(streams)) {}

  at::Tensor begin() override { return LlamaGenStream::begin_together(streams_).contiguous(); }
  at::Tensor read(const std::vector<nn::DraftTree>& trees) override {
    return LlamaGenStream::read_together(streams_, trees).contiguous();
  }
  void keep(std::size_t row, int64_t length, const std::vector<int64_t>& nodes) override {
    streams_.at(row)->keep(length, nodes);
  }

 private:
  std::vector<LlamaGenStream*> streams_;
};

/// Pictures that go on together, one token of each a pass, without drafts.
class LlamaGenBatch : public nn::DraftTarget {
 public:
  explicit LlamaGenBatch(LlamaGenStream& stream) : stream_(stream) {}

  at::Tensor begin() override { return stream_.begin().contiguous(); }
  at::Tensor read(const std::vector<nn::DraftTree>& trees) override;
  void keep(std::size_t, int64_t, const std::vector<int64_t>&) override {}
  bool reads_all_rows() const override { return true; }

 private:
  LlamaGenStream& stream_;
};

}  // namespace arzoo::image
