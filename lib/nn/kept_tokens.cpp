#include "nn/kept_tokens.h"

#include <torch/torch.h>

namespace arzoo::nn {
namespace {

/// The index as gather and scatter want it for tokens of this width: [B, K, D].
at::Tensor for_width(const KeptTokens& kept, const at::Tensor& tokens) {
  return kept.index.to(tokens.device()).unsqueeze(-1).expand({-1, -1, tokens.size(-1)});
}

}  // namespace

at::Tensor KeptTokens::masked() const {
  return at::ones({index.size(0), length}, index.options().dtype(at::kBool)).scatter(1, index, false);
}

at::Tensor random_orders(int64_t samples, int64_t length) {
  // In double: equal draws, which a sort would keep in order, are out of the question.
  return std::get<1>(at::rand({samples, length}, at::kDouble).sort(1));
}

KeptTokens keep_first_of(const at::Tensor& orders, int64_t kept) {
  return {std::get<0>(orders.narrow(1, 0, kept).sort(1)), orders.size(1)};
}

KeptTokens keep_all_but_first(const at::Tensor& orders, int64_t masked) {
  const int64_t length = orders.size(1);
  return {std::get<0>(orders.narrow(1, masked, length - masked).sort(1)), length};
}

KeptTokens with_prefix(const KeptTokens& kept, int64_t count) {
  const auto prefix = at::arange(count, kept.index.options()).expand({kept.index.size(0), count});
  return {at::cat({prefix, kept.index + count}, 1), kept.length + count};
}

KeptTokens keep_beginning(int64_t samples, int64_t length, int64_t kept) {
  return {at::arange(kept, at::kLong).expand({samples, kept}), length};
}

at::Tensor visible_tokens(const at::Tensor& x, const KeptTokens& kept) {
  return x.gather(1, for_width(kept, x));
}

at::Tensor restored_tokens(const at::Tensor& visible, const at::Tensor& mask_token, const KeptTokens& kept) {
  const auto blank =
      mask_token.to(visible.scalar_type()).expand({visible.size(0), kept.length, visible.size(2)});
  return blank.scatter(1, for_width(kept, visible), visible);
}

}  // namespace arzoo::nn
