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

  at::Tensor begin() override { return on_cpu(LlamaGenStream::begin_together(streams_)); }
  at::Tensor read(const std::vector<nn::DraftTree>& trees) override {
    return on_cpu(LlamaGenStream::read_together(streams_, trees));
  }
  void keep(std::size_t row, int64_t length, const std::vector<int64_t>& nodes) override {
    streams_.at(row)->keep(length, nodes);
  }

 private:
  static at::Tensor on_cpu(const at::Tensor& logits) { return logits.cpu().contiguous(); }

  std::vector<LlamaGenStream*> streams_;
};

/// Pictures that go on together, one token of each a pass, without drafts.
class LlamaGenBatch : public nn::DraftTarget {
 public:
  explicit LlamaGenBatch(LlamaGenStream& stream) : stream_(stream) {}

  at::Tensor begin() override { return stream_.begin().contiguous().cpu(); }
  at::Tensor read(const std::vector<nn::DraftTree>& trees) override;
  void keep(std::size_t, int64_t, const std::vector<int64_t>&) override {}
  bool reads_all_rows() const override { return true; }

 private:
  LlamaGenStream& stream_;
};

}  // namespace arzoo::image
