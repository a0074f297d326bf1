#include "image/grid_attention.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "nn/split_heads.h"

namespace arzoo::image {
namespace {

constexpr double kRotaryBase = 10000.0;
/// The side that the positions of every grid are spread over.
constexpr double kSpan = 16.0;

/// Attention along the rows, or the columns, of a square grid. q, k, v: [B, H, L, E]; returns the same shape.
at::Tensor along_lines(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const kernels::AttentionMode& mode, bool columns) {
  const auto batch = q.size(0), heads = q.size(1), width = q.size(3);
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(q.size(2)))));
  const auto lines = [&](const at::Tensor& x) {
    const auto grid = x.reshape({batch, heads, side, side, width});
    return (columns ? grid.transpose(2, 3) : grid).transpose(1, 2).reshape({-1, heads, side, width});
  };
  const auto mixed = kernels::attention(lines(q), lines(k), lines(v), mode);
  const auto grid = mixed.reshape({batch, side, heads, side, width}).transpose(1, 2);
  return (columns ? grid.transpose(2, 3) : grid).reshape(q.sizes());
}

}  // namespace

GridRotary::GridRotary(int64_t head_width) {
  const auto exponents = at::arange(0, head_width / 2, 2, at::kFloat) / static_cast<double>(head_width / 2);
  freqs_ = register_buffer("freqs", 1.0 / at::pow(at::full({}, kRotaryBase), exponents));
}

kernels::RopeAngles GridRotary::angles(const std::vector<int64_t>& sides, at::ScalarType type) const {
  std::vector<at::Tensor> grids;
  for (const int64_t side : sides) {
    const auto places = at::arange(side, freqs_.options()) / static_cast<double>(side) * kSpan;
    const auto turns = places.unsqueeze(1) * freqs_;  // [side, E / 4]
    const auto rows = turns.unsqueeze(1).expand({side, side, -1}),
               columns = turns.unsqueeze(0).expand({side, side, -1});
    grids.push_back(at::cat({rows, columns}, 2).flatten(0, 1));
  }
  const auto all = at::cat(grids).unsqueeze(0).unsqueeze(0);  // [1, 1, L, E / 2]
  return {all.cos().to(type), all.sin().to(type), /*interleaved=*/true};
}

GridAttention::GridAttention(const GridAttentionOptions& options) : options_(options) {
  const int64_t width = options.width;
  qkv_ = register_module("qkv", std::make_shared<nn::LinearLayer>(width, 3 * width, options.qkv_bias));
  proj_ = register_module("proj", std::make_shared<nn::LinearLayer>(width, width));
  rope_ = register_module("rope", std::make_shared<GridRotary>(width / options.heads));
}

at::Tensor GridAttention::forward(const at::Tensor& x, const kernels::RopeAngles& angles,
                                  const at::Tensor& bias, nn::KvCache* cache) const {
  const auto parts = nn::split_heads(qkv_->forward(x), options_.heads, 3);
  const auto q = kernels::apply_rope(parts[0], angles);
  auto k = kernels::apply_rope(parts[1], angles), v = parts[2];
  if (cache != nullptr) std::tie(k, v) = cache->append(k, v);
  kernels::AttentionMode mode;
  mode.bias = bias;
  mode.dropout = options_.attn_dropout;
  mode.training = is_training();
  const auto mixed =
      options_.axial
          ? (along_lines(q, k, v, mode, /*columns=*/false) + along_lines(q, k, v, mode, /*columns=*/true)) *
                0.5
          : kernels::attention(q, k, v, mode);
  return proj_->forward(nn::merge_heads(mixed));
}

GridCrossAttention::GridCrossAttention(int64_t width, int64_t condition_width, int64_t heads)
    : heads_(heads) {
  q_ = register_module("q", std::make_shared<nn::LinearLayer>(width, width, /*with_bias=*/false));
  kv_ = register_module("kv", std::make_shared<nn::LinearLayer>(condition_width, 2 * width, false));
  proj_ = register_module("proj", std::make_shared<nn::LinearLayer>(width, width));
  rope_ = register_module("rope", std::make_shared<GridRotary>(width / heads));
}

GridCrossAttention::KeysValues GridCrossAttention::keys_values(const at::Tensor& condition,
                                                               const kernels::RopeAngles& angles) const {
  const auto parts = nn::split_heads(kv_->forward(condition), heads_, 2);
  return {kernels::apply_rope(parts[0], angles), parts[1]};
}

at::Tensor GridCrossAttention::forward(const at::Tensor& x, const kernels::RopeAngles& angles,
                                       const KeysValues& seen) const {
  const auto q = kernels::apply_rope(nn::split_heads(q_->forward(x), heads_), angles);
  return proj_->forward(nn::merge_heads(kernels::attention(q, seen.keys, seen.values)));
}

GegluMlp::GegluMlp(int64_t width, double mlp_ratio, double dropout) : dropout_(dropout) {
  const auto hidden = static_cast<int64_t>(static_cast<double>(width) * mlp_ratio * 2.0 / 3.0);
  fc1_g_ = register_module("fc1_g", std::make_shared<nn::LinearLayer>(width, hidden));
  fc1_x_ = register_module("fc1_x", std::make_shared<nn::LinearLayer>(width, hidden));
  fc2_ = register_module("fc2", std::make_shared<nn::LinearLayer>(hidden, width));
}

at::Tensor GegluMlp::forward(const at::Tensor& x) const {
  auto gate = fc1_g_->forward(x, kernels::Activation::gelu);
  const auto up = fc1_x_->forward(x);
  if (!at::GradMode::is_enabled()) return fc2_->forward(gate.mul_(up));
  const auto hidden = fc2_->forward(kernels::dropout(gate * up, dropout_, is_training()));
  return kernels::dropout(hidden, dropout_, is_training());
}

}  // namespace arzoo::image
