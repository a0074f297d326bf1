#include "kernels/rope.h"

#include <torch/torch.h>

#include "kernels/head_rows.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kRotationGrain = 32;

/// One head of one token, `half` numbers of each kind; the products are rounded like the sum.
template <class Scalar>
ARZOO_INTO_CLONES void turn(const Scalar* x, const Scalar* cos, const Scalar* sin, Scalar* out, int64_t half,
                            bool interleaved) {
  const auto product = [](Scalar a, Scalar b) {
    return static_cast<float>(static_cast<Scalar>(static_cast<float>(a) * static_cast<float>(b)));
  };
  if (interleaved) {
    for (int64_t i = 0; i < half; ++i) {
      out[2 * i] = static_cast<Scalar>(product(x[2 * i], cos[i]) - product(x[2 * i + 1], sin[i]));
      out[2 * i + 1] = static_cast<Scalar>(product(x[2 * i + 1], cos[i]) + product(x[2 * i], sin[i]));
    }
    return;
  }
  for (int64_t i = 0; i < half; ++i)
    out[i] = static_cast<Scalar>(product(x[i], cos[i]) - product(x[half + i], sin[i]));
  for (int64_t i = 0; i < half; ++i)
    out[half + i] = static_cast<Scalar>(product(x[half + i], cos[i]) + product(x[i], sin[i]));
}

/// A token's heads, `step` numbers apart in x and side by side in `out`.
struct TokenHeads {
  int64_t count, step, half;
  bool interleaved;
};

ARZOO_CLONES void turn_heads(const float* x, const float* cos, const float* sin, float* out,
                             TokenHeads heads) {
  for (int64_t h = 0; h < heads.count; ++h)
    turn(x + h * heads.step, cos, sin, out + h * 2 * heads.half, heads.half, heads.interleaved);
}
ARZOO_CLONES void turn_heads(const at::BFloat16* x, const at::BFloat16* cos, const at::BFloat16* sin,
                             at::BFloat16* out, TokenHeads heads) {
  for (int64_t h = 0; h < heads.count; ++h)
    turn(x + h * heads.step, cos, sin, out + h * 2 * heads.half, heads.half, heads.interleaved);
}

/// All in one pass; the result lies as [B, T, H, E] in memory.
template <class Scalar>
at::Tensor fused_rotation(const at::Tensor& x, const RopeAngles& angles) {
  const int64_t batch = x.size(0), heads = x.size(1), tokens = x.size(2), width = x.size(3);
  auto out = at::empty({batch, tokens, heads, width}, x.options());
  const Heads<Scalar> from(x);
  const auto* cos = angles.cos.const_data_ptr<Scalar>();
  const auto* sin = angles.sin.const_data_ptr<Scalar>();
  auto* to = out.mutable_data_ptr<Scalar>();
  const int64_t angle_rows = angles.cos.size(0) == 1 ? tokens : batch * tokens;
  parallel_for(batch * tokens, kRotationGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t angle = i % angle_rows * (width / 2);
      turn_heads(from.row(i / tokens, 0) + i % tokens * from.step, cos + angle, sin + angle,
                 to + i * heads * width, {heads, from.head, width / 2, angles.interleaved});
    }
  });
  return out.transpose(1, 2);
}

bool fits_rotation(const at::Tensor& x, const RopeAngles& angles) {
  const auto type = x.scalar_type();
  return !at::GradMode::is_enabled() && x.is_cpu() && (type == at::kFloat || type == at::kBFloat16) &&
         x.stride(3) == 1 && angles.cos.scalar_type() == type && angles.cos.is_contiguous() &&
         angles.sin.is_contiguous();
}

}  // namespace

RopeAngles rope_angles(const at::Tensor& positions, int64_t head_dim, double theta, at::ScalarType type) {
  const auto options = positions.options().dtype(at::kFloat);
  const auto exponents = at::arange(0, head_dim, 2, options) / static_cast<double>(head_dim);
  return rope_angles(positions, 1.0 / at::pow(at::full({}, theta, options), exponents), type);
}

RopeAngles rope_angles(const at::Tensor& positions, const at::Tensor& frequencies, at::ScalarType type,
                       double scale) {
  const auto batched = positions.dim() == 2 ? positions : positions.unsqueeze(0);
  const auto angles = (batched.to(at::kFloat).unsqueeze(-1) * frequencies).unsqueeze(1);
  if (scale == 1.0) return {angles.cos().to(type), angles.sin().to(type)};
  return {(angles.cos() * scale).to(type), (angles.sin() * scale).to(type)};
}

at::Tensor apply_rope(const at::Tensor& x, const RopeAngles& angles) {
  if (fits_rotation(x, angles))
    return x.scalar_type() == at::kFloat ? fused_rotation<float>(x, angles)
                                         : fused_rotation<at::BFloat16>(x, angles);
  const auto half = x.size(-1) / 2;
  if (angles.interleaved) {
    const auto pairs = x.unflatten(-1, {half, 2});
    const auto first = pairs.select(-1, 0), second = pairs.select(-1, 1);
    return at::stack({first * angles.cos - second * angles.sin, second * angles.cos + first * angles.sin}, -1)
        .flatten(-2);
  }
  const auto low = x.narrow(-1, 0, half), high = x.narrow(-1, half, half);
  return at::cat({low * angles.cos - high * angles.sin, high * angles.cos + low * angles.sin}, -1);
}

}  // namespace arzoo::kernels
