#include "language/language_model.h"

#include <torch/torch.h>

#include "language/decoder_rows.h"

namespace arzoo::language {
namespace {

class DecoderStream : public nn::TokenStream {
 public:
  DecoderStream(DecoderModel& model, int64_t capacity) : model_(model), cache_(model.layers(), capacity) {}

  at::Tensor read(const at::Tensor& ids) override {
    return model_.head(model_.hidden(ids, {.cache = &cache_}).select(1, -1));
  }

 private:
  DecoderModel& model_;
  nn::DecoderCache cache_;
};

}  // namespace

at::Tensor nats_of(const at::Tensor& logits, const at::Tensor& targets) {
  const auto nats =
      at::cross_entropy_loss(logits.to(at::kFloat).flatten(0, 1), targets.flatten(), {}, at::Reduction::None);
  return nats.view(targets.sizes());
}

at::Tensor mean_cross_entropy(const at::Tensor& logits, const at::Tensor& targets, const at::Tensor& counts) {
  if (!counts.defined())
    return at::cross_entropy_loss(logits.to(at::kFloat).flatten(0, 1), targets.flatten());
  return nats_of(logits, targets).masked_select(counts).mean();
}

TokenLosses CausalModel::token_losses(const at::Tensor& rows) {
  const int64_t tokens = rows.size(1) - 1;
  return {nats_of(logits(rows.narrow(1, 0, tokens)), rows.narrow(1, 1, tokens)), {}};
}

runtime::Losses CausalModel::loss(const at::Tensor& rows) {
  const int64_t tokens = rows.size(1) - 1;
  return {.total = mean_cross_entropy(logits(rows.narrow(1, 0, tokens)), rows.narrow(1, 1, tokens))};
}

at::Tensor RereadingStream::read(const at::Tensor& ids) {
  all_ = all_.defined() ? at::cat({all_, ids}, 1) : ids;
  return model_.logits(all_).select(1, -1);
}

at::Tensor DecoderModel::logits(const at::Tensor& ids) {
  return head(hidden(ids, {.training = is_training()}));
}

std::unique_ptr<nn::TokenStream> DecoderModel::stream(int64_t capacity) {
  return std::make_unique<DecoderStream>(*this, capacity);
}

std::unique_ptr<nn::DraftTarget> DecoderModel::draft_target(const std::vector<std::vector<int64_t>>& prompts,
                                                            int64_t capacity, int64_t ids) {
  if (!reads_packed()) return nullptr;
  return std::make_unique<DecoderRows>(*this, prompts, capacity, ids);
}

}  // namespace arzoo::language
