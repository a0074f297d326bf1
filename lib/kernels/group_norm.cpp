#include "kernels/group_norm.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/float_rows.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/resident.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

// Pixels whose sums are taken together: a piece of the work, whatever the number of threads.
constexpr int64_t kPiece = 256;
// Pixels that are converted at once.
constexpr int64_t kChannelBlock = 16;

/// Per channel, sums over pixels of x - origin and of its square: the origin keeps the squares from
/// cancelling.
ARZOO_CLONES void add_moments(const float* x, int64_t pixels, int64_t width, const float* origin, float* sums,
                              float* squares) {
  for (int64_t i = 0; i < pixels; ++i) {
    for (int64_t c = 0; c < width; ++c) {
      const float centred = x[i * width + c] - origin[c];
      sums[c] += centred;
      squares[c] += centred * centred;
    }
  }
}

ARZOO_CLONES void scale_and_shift(const float* x, int64_t pixels, int64_t width, const float* scale,
                                  const float* shift, float* out) {
  for (int64_t i = 0; i < pixels; ++i) {
    for (int64_t c = 0; c < width; ++c) out[i * width + c] = x[i * width + c] * scale[c] + shift[c];
  }
}

ARZOO_CLONES void scale_shift_silu(const float* x, int64_t pixels, int64_t width, const float* scale,
                                   const float* shift, float* out) {
  for (int64_t i = 0; i < pixels; ++i) {
    for (int64_t c = 0; c < width; ++c) {
      const float y = x[i * width + c] * scale[c] + shift[c];
      const float e = exp_nonpositive(y < 0.0F ? y : -y);
      out[i * width + c] = y * (y < 0.0F ? e : 1.0F) / (1.0F + e);
    }
  }
}

/// One image in channels-last memory.
struct Image {
  int64_t pixels, channels;
};

/// The factor and the summand that normalise each channel, [2, C].
struct ChannelScale {
  std::vector<float> scale, shift;
};

template <class Scalar>
std::vector<double> channel_moments(const Scalar* x, const Image& image, const std::vector<float>& origin) {
  const int64_t pieces = (image.pixels + kPiece - 1) / kPiece, width = image.channels;
  std::vector<float> partial(2 * pieces * width);
  parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
    FloatRows rows(width);
    for (int64_t piece = begin; piece < end; ++piece) {
      float* const sums = partial.data() + 2 * piece * width;
      const int64_t last = std::min(image.pixels, (piece + 1) * kPiece);
      for (int64_t i = piece * kPiece; i < last; i += kChannelBlock) {
        const int64_t count = std::min(kChannelBlock, last - i);
        add_moments(rows.read(x + i * width, count), count, width, origin.data(), sums, sums + width);
      }
    }
  });
  std::vector<double> moments(2 * width);
  for (int64_t piece = 0; piece < pieces; ++piece) {
    for (int64_t c = 0; c < 2 * width; ++c) moments[c] += partial[2 * piece * width + c];
  }
  return moments;
}

template <class Scalar>
ChannelScale normalisation(const Scalar* x, const Image& image, const std::vector<float>& gamma,
                           const std::vector<float>& beta, const GroupNormForm& form) {
  const int64_t width = image.channels, group = width / form.groups;
  FloatRows rows(width);
  const float* first = rows.read(x, 1);
  const std::vector<float> origin(first, first + width);
  const auto moments = channel_moments(x, image, origin);
  const auto pixels = static_cast<double>(image.pixels);
  ChannelScale affine{std::vector<float>(width), std::vector<float>(width)};
  for (int64_t begin = 0; begin < width; begin += group) {
    double mean = 0.0, variance = 0.0;
    for (int64_t c = begin; c < begin + group; ++c) mean += origin[c] + moments[c] / pixels;
    mean /= static_cast<double>(group);
    for (int64_t c = begin; c < begin + group; ++c) {
      const double off = origin[c] - mean;
      variance += (moments[width + c] + 2.0 * off * moments[c]) / pixels + off * off;
    }
    variance = std::max(variance / static_cast<double>(group), 0.0);
    const double inverse = 1.0 / std::sqrt(variance + form.eps);
    for (int64_t c = begin; c < begin + group; ++c) {
      affine.scale[c] = static_cast<float>(gamma[c] * inverse);
      affine.shift[c] = static_cast<float>(beta[c] - mean * gamma[c] * inverse);
    }
  }
  return affine;
}

template <class Scalar>
void normalise(const Scalar* x, const Image& image, const ChannelScale& affine, bool silu, Scalar* out) {
  const int64_t width = image.channels, blocks = (image.pixels + kChannelBlock - 1) / kChannelBlock;
  parallel_for(blocks, 8, [&](int64_t begin, int64_t end) {
    FloatRows from(width);
    RowSink to(width);
    for (int64_t i = begin * kChannelBlock; i < std::min(image.pixels, end * kChannelBlock);
         i += kChannelBlock) {
      const int64_t count = std::min(kChannelBlock, image.pixels - i);
      const float* in = from.read(x + i * width, count);
      float* rows = to.room(out + i * width, count);
      (silu ? scale_shift_silu : scale_and_shift)(in, count, width, affine.scale.data(), affine.shift.data(),
                                                  rows);
      to.done(out + i * width, count);
    }
  });
}

std::vector<float> as_floats(const at::Tensor& x) {
  const auto flat = x.to(at::kFloat).contiguous();
  const auto* data = flat.const_data_ptr<float>();
  return {data, data + flat.numel()};
}

template <class Scalar>
at::Tensor fused_group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            const GroupNormForm& form) {
  const auto in = x.contiguous(at::MemoryFormat::ChannelsLast);
  auto out = at::empty(in.sizes(), in.options(), at::MemoryFormat::ChannelsLast);
  const Image image{in.size(2) * in.size(3), in.size(1)};
  const auto gamma = as_floats(weight), beta = as_floats(bias);
  for (int64_t b = 0; b < in.size(0); ++b) {
    const auto* from = in.const_data_ptr<Scalar>() + b * image.pixels * image.channels;
    auto* to = out.mutable_data_ptr<Scalar>() + b * image.pixels * image.channels;
    normalise(from, image, normalisation(from, image, gamma, beta, form), form.silu, to);
  }
  return out;
}

bool fits_group_norm(const at::Tensor& x) {
  return !at::GradMode::is_enabled() && x.is_cpu() && x.numel() > 0 &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

}  // namespace

at::Tensor group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const GroupNormForm& form) {
  if (fits_group_norm(x) && is_resident(weight) && is_resident(bias)) {
    return x.scalar_type() == at::kFloat ? fused_group_norm<float>(x, weight, bias, form)
                                         : fused_group_norm<at::BFloat16>(x, weight, bias, form);
  }
  const auto normed = at::group_norm(x, form.groups, weight, bias, form.eps);
  return form.silu ? at::silu(normed) : normed;
}

}  // namespace arzoo::kernels
