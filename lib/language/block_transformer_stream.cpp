#include <torch/torch.h>

#include "language/block_transformer_model.h"

namespace arzoo::language {
namespace {

/// One key and value per block and layer is remembered of what was read, and those of the tokens of the open
/// block only until it is whole.
class BlockStream : public nn::TokenStream {
 public:
  BlockStream(const BlockTransformer& model, int64_t capacity, BlockTransformer::Places places)
      : model_(model),
        official_(places == BlockTransformer::Places::official),
        blocks_(model.options().block_layers, capacity / model.options().block_length + 2),
        tokens_(model.options().token_layers, room()) {}

  at::Tensor read(const at::Tensor& ids) override {
    if (open_.defined() && ids.size(1) == 1) return read_one(ids);
    if (open_.defined()) {
      at::Tensor logits;
      for (int64_t i = 0; i < ids.size(1); ++i) logits = read_one(ids.narrow(1, i, 1));
      return logits;
    }
    const int64_t length = model_.options().block_length, padding = (length - ids.size(1) % length) % length;
    const auto before = at::full({ids.size(0), padding}, model_.options().pad_token_id, ids.options());
    return begin_block(at::cat({before, ids}, 1));
  }

 private:
  int64_t room() const { return model_.options().expansion_ratio + model_.options().block_length; }

  /// Whole blocks end; returns the logits of the next one's first token.
  at::Tensor begin_block(const at::Tensor& ids) {
    const int64_t length = model_.options().block_length;
    const auto inputs = model_.embedded_blocks(ids.unflatten(1, {ids.size(1) / length, length}));
    const auto hidden = model_.block_decoder().forward(inputs, {.cache = &blocks_});
    vectors_ = model_.expanded(hidden.select(1, -1));
    tokens_.truncate(0);
    open_ = at::empty({ids.size(0), 0}, ids.options());
    const auto x = model_.token_inputs(vectors_, open_);  // prefix: its vectors; summation: the end token
    return logits_of(x, official_ ? at::zeros({x.size(1)}, ids.options()) : at::Tensor());
  }

  at::Tensor read_one(const at::Tensor& id) {
    open_ = at::cat({open_, id}, 1);
    const int64_t count = open_.size(1);
    if (count == model_.options().block_length) return begin_block(open_);
    auto x = model_.token_decoder().embedded(id);
    if (!model_.options().is_prefix()) x = x + vectors_.narrow(1, count, 1);
    return logits_of(x, official_ ? at::full({1}, count, id.options()) : at::Tensor());
  }

  at::Tensor logits_of(const at::Tensor& x, const at::Tensor& places) {
    const auto hidden = model_.token_decoder().forward(x, {.cache = &tokens_, .position_ids = places});
    return model_.head(hidden.select(1, -1));
  }

  const BlockTransformer& model_;
  bool official_;
  nn::DecoderCache blocks_, tokens_;
  at::Tensor vectors_;  ///< what the token decoder is told, [B, ratio, W]
  at::Tensor open_;     ///< tokens of the open block, [B, < L]
};

}  // namespace

std::unique_ptr<nn::TokenStream> BlockTransformer::stream(int64_t capacity) {
  return stream(capacity, Places::trained);
}

std::unique_ptr<nn::TokenStream> BlockTransformer::stream(int64_t capacity, Places places) {
  return std::make_unique<BlockStream>(*this, capacity, places);
}

}  // namespace arzoo::language
