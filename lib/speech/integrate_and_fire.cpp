#include "speech/integrate_and_fire.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "kernels/dropout.h"

namespace arzoo::speech {
namespace {

int64_t rounded_most(const at::Tensor& weights) {
  return std::max<int64_t>(0, weights.detach().sum(1).round().max().item<int64_t>());
}

/// Rows of `values` [B, T, D] at the firing frames of each utterance, in order: [B, N, D], zeros behind.
at::Tensor at_fires(const at::Tensor& values, const at::Tensor& places, const at::Tensor& there) {
  const auto index = places.unsqueeze(2).expand({-1, -1, values.size(2)});
  return values.gather(1, index) * there.unsqueeze(2).to(values.scalar_type());
}

/// Where the n-th fire of each utterance stands, [B, N], and whether there is one. fires: [B, T], bool.
std::pair<at::Tensor, at::Tensor> fire_places(const at::Tensor& fires, int64_t tokens) {
  const auto order = fires.to(at::kLong).cumsum(1);  // [B, T]
  const auto wanted = at::arange(1, tokens + 1, order.options());
  // The first frame at which so many have fired.
  const auto places = (order.unsqueeze(1) < wanted.view({1, -1, 1})).sum(2);
  const auto there = places < fires.size(1);
  return {places.clamp_max(fires.size(1) - 1), there};
}

}  // namespace

Fired fire_by_prefix_sums(const at::Tensor& hidden, const at::Tensor& weights, double slack,
                          std::optional<int64_t> tokens) {
  const int64_t most = tokens.value_or(rounded_most(weights));
  const auto sums = weights.to(at::kDouble).cumsum(1).to(at::kFloat);
  const auto whole = (sums.detach() + slack).floor();
  const auto before =
      at::cat({at::zeros_like(whole.narrow(1, 0, 1)), whole.narrow(1, 0, whole.size(1) - 1)}, 1);
  const auto fires = whole > before;
  const auto rest = sums - whole;  // [B, T]; a little below 0 where the slack decided
  Fired fired{.peaks = rest + fires.to(at::kFloat), .counts = fires.sum(1)};
  const auto [places, there] = fire_places(fires, most);
  const auto h = hidden.to(at::kFloat);
  const auto ends = at_fires((weights.unsqueeze(2) * h).cumsum(1), places, there);
  const auto carried = at_fires(rest.unsqueeze(2) * h, places, there);  // what belongs to the next token
  const auto shifted = [](const at::Tensor& x) {
    return at::cat({at::zeros_like(x.narrow(1, 0, 1)), x.narrow(1, 0, x.size(1) - 1)}, 1);
  };
  if (most == 0) {
    fired.embeds = at::zeros({hidden.size(0), 0, hidden.size(2)}, hidden.options());
    return fired;
  }
  const auto embeds = ends - shifted(ends) + shifted(carried) - carried;
  fired.embeds = (embeds * there.unsqueeze(2).to(embeds.scalar_type())).to(hidden.scalar_type());
  return fired;
}

Fired fire_by_loop(const at::Tensor& hidden, const at::Tensor& weights, double threshold, double slack,
                   std::optional<int64_t> tokens) {
  const int64_t batch = hidden.size(0), frames = hidden.size(1);
  const int64_t most = tokens.value_or(rounded_most(weights));
  const auto h = hidden.to(at::kFloat), w = weights.to(at::kFloat);
  auto sum = at::zeros({batch}, w.options());
  auto frame = at::zeros({batch, hidden.size(2)}, h.options());
  std::vector<at::Tensor> peaks, embeds;
  for (int64_t t = 0; t < frames; ++t) {
    const auto own = w.select(1, t), h_t = h.select(1, t);
    const auto lacking = 1.0 - sum;
    sum = sum + own;
    peaks.push_back(sum);
    const auto fires = sum.detach() + slack >= threshold;
    sum = at::where(fires, sum - 1.0, sum);
    const auto taken = at::where(fires, lacking, own);
    frame = frame + taken.unsqueeze(1) * h_t;
    embeds.push_back(frame);
    frame = at::where(fires.unsqueeze(1), (own - taken).unsqueeze(1) * h_t, frame);
  }
  const auto all = at::stack(peaks, 1);
  const auto fires = all.detach() + slack >= threshold;
  Fired fired{.peaks = all, .counts = fires.sum(1)};
  if (most == 0) {
    fired.embeds = at::zeros({batch, 0, hidden.size(2)}, hidden.options());
    return fired;
  }
  const auto [places, there] = fire_places(fires, most);
  fired.embeds = at_fires(at::stack(embeds, 1), places, there).to(hidden.scalar_type());
  return fired;
}

at::Tensor firing_sums(const at::Tensor& weights, double threshold) {
  const auto w = weights.detach().cpu().to(at::kFloat).contiguous();
  auto sums = at::empty_like(w);
  const auto* own = w.data_ptr<float>();
  auto* out = sums.data_ptr<float>();
  const auto limit = static_cast<float>(threshold);
  float sum = 0.0F;
  for (int64_t t = 0; t < w.numel(); ++t) {
    sum += own[t];
    out[t] = sum;
    if (sum >= limit) sum -= limit;
  }
  return sums;
}

Predictor::Predictor(int64_t width, const PredictorOptions& options, bool depthwise)
    : o_(options), depthwise_(depthwise) {
  auto& conv = add_folder(*this, "cif_conv1d");
  conv_weight_ = conv.register_parameter(
      "weight", at::empty({width, depthwise ? 1 : width, o_.l_order + o_.r_order + 1}));
  conv_bias_ = conv.register_parameter("bias", at::empty({width}));
  output_ = register_module("cif_output", std::make_shared<nn::LinearLayer>(width, 1));
}

at::Tensor Predictor::weigh(const Encoded& encoded) {
  const auto h = encoded.hidden.transpose(1, 2);
  auto y = at::conv1d(at::constant_pad_nd(h, {o_.l_order, o_.r_order}), conv_weight_, conv_bias_, 1,
                      kNoPadding, 1, depthwise_ ? h.size(1) : 1);
  if (depthwise_) y = kernels::dropout((y + h).contiguous(), o_.dropout, is_training());
  const auto scores = output_->forward(at::relu(y).transpose(1, 2)).to(at::kFloat);
  auto weights = at::relu(at::sigmoid(scores) * o_.smooth_factor - o_.noise_threshold).squeeze(2);
  if (encoded.mask.defined()) weights = weights * encoded.mask.to(at::kFloat);
  return weights;
}

Fired Predictor::fire(const at::Tensor& hidden, const at::Tensor& weights, double slack,
                      std::optional<int64_t> tokens) const {
  return depthwise_ ? fire_by_loop(hidden, weights, o_.threshold, slack, tokens)
                    : fire_by_prefix_sums(hidden, weights, slack, tokens);
}

Predicted Predictor::train_forward(const Encoded& encoded, const at::Tensor& targets) {
  auto weights = weigh(encoded);
  const auto number = weights.sum(1);
  weights = weights * (targets.to(at::kFloat) / number).unsqueeze(1);
  auto fired = fire(encoded.hidden, weights, kTrainingSlack, targets.max().item<int64_t>());
  return {fired.embeds, number, weights, fired.peaks};
}

Predicted Predictor::recognise(const Encoded& encoded) {
  auto weights = weigh(encoded);
  auto hidden = encoded.hidden;
  if (o_.tail_threshold > 0.0) {
    weights = at::constant_pad_nd(weights, {0, 1});
    hidden = at::constant_pad_nd(hidden, {0, 0, 0, 1});
    const auto behind = at::one_hot(encoded.lengths, weights.size(1)).to(at::kFloat);
    weights = weights + behind * o_.tail_threshold;
  }
  const auto number = o_.tail_threshold > 0.0 ? weights.sum(1).floor() : weights.sum(1);
  const auto most = o_.tail_threshold > 0.0 ? number.max().item<int64_t>() : rounded_most(weights);
  auto fired = fire(hidden, weights, 0.0, most);
  return {fired.embeds, number, weights, fired.peaks};
}

}  // namespace arzoo::speech
