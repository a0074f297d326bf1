#include "nn/visible_tokens.h"

#include <torch/torch.h>

namespace arzoo::nn {
namespace {

/// The index as gather and scatter want it for tokens of this width: [B, K, D].
at::Tensor for_width(const VisibleTokens& visible, const at::Tensor& tokens) {
  return visible.index.to(tokens.device()).unsqueeze(-1).expand({-1, -1, tokens.size(-1)});
}

}  // namespace

at::Tensor VisibleTokens::masked() const {
  return at::ones({index.size(0), length}, index.options().dtype(at::kBool)).scatter(1, index, false);
}

VisibleTokens keep_first_of(const at::Tensor& orders, int64_t visible) {
  return {std::get<0>(orders.narrow(1, 0, visible).sort(1)), orders.size(1)};
}

VisibleTokens keep_all_but_first(const at::Tensor& orders, int64_t masked) {
  const int64_t length = orders.size(1);
  return {std::get<0>(orders.narrow(1, masked, length - masked).sort(1)), length};
}

VisibleTokens with_prefix(const VisibleTokens& visible, int64_t count) {
  const auto prefix = at::arange(count, visible.index.options()).expand({visible.index.size(0), count});
  return {at::cat({prefix, visible.index + count}, 1), visible.length + count};
}

VisibleTokens keep_beginning(int64_t samples, int64_t length, int64_t visible) {
  return {at::arange(visible, at::kLong).expand({samples, visible}), length};
}

at::Tensor visible_tokens(const at::Tensor& x, const VisibleTokens& visible) {
  return x.gather(1, for_width(visible, x));
}

at::Tensor restored_tokens(const at::Tensor& tokens, const at::Tensor& mask_token,
                           const VisibleTokens& visible) {
  const auto blank =
      mask_token.to(tokens.scalar_type()).expand({tokens.size(0), visible.length, tokens.size(2)});
  return blank.scatter(1, for_width(visible, tokens), tokens);
}

}  // namespace arzoo::nn
