#include "image/eagle_loss.h"

#include <torch/torch.h>

#include <numeric>

namespace arzoo::image {
namespace {

constexpr double kNoisePlaces = 512.0, kInsideQuotient = 1e-5;

/// [B, T, D] without the first place, a zero behind the last.
at::Tensor moved_up(const at::Tensor& hidden) {
  return at::constant_pad_nd(hidden.narrow(1, 1, hidden.size(1) - 1), {0, 0, 0, 1}, 0.0);
}

}  // namespace

EagleLosses eagle_losses(const EagleHead& head, const LlamaGen& target, const at::Tensor& labels,
                         const at::Tensor& ids, const at::Tensor& noise, const EagleLossOptions& options) {
  EagleLosses losses;
  at::Tensor next, codes;
  {
    const torch::NoGradGuard no_grad;
    losses.hidden = target.states({.labels = labels}, ids);
    next = moved_up(losses.hidden);
    codes = target.logits_of(next);
  }
  const int64_t places = losses.hidden.size(1);
  const auto before =
      losses.hidden + (noise - 0.5) * options.noise_std * (kNoisePlaces / static_cast<double>(places));
  std::vector<int64_t> all(static_cast<std::size_t>(places));
  std::iota(all.begin(), all.end(), 0);
  losses.predicted = head.forward(at::constant_pad_nd(ids, {0, 1}, 0), before, all);
  const int64_t trained = places - 2;
  const auto inner = [&](const at::Tensor& x) { return x.narrow(1, 1, trained); };
  const double count = static_cast<double>(labels.size(0) * trained) + kInsideQuotient;
  const auto predicted = target.logits_of(losses.predicted);
  losses.vloss =
      at::smooth_l1_loss(inner(losses.predicted), inner(next), at::Reduction::None).mean(-1).sum() / count;
  losses.ploss = -(at::softmax(inner(codes), -1) * at::log_softmax(inner(predicted), -1)).sum() / count;
  losses.total = losses.vloss + losses.ploss * options.p_w;
  losses.accuracy = inner(codes).argmax(-1).eq(inner(predicted).argmax(-1)).to(at::kFloat).mean();
  return losses;
}

}  // namespace arzoo::image
