#include "speech/time_stamps.h"

#include <torch/torch.h>

#include <algorithm>

#include "speech/integrate_and_fire.h"

namespace arzoo::speech {
namespace {

constexpr double kFires = 1.0 - 1e-4;
constexpr double kSilence = 5.0;   ///< frames before the first fire, or behind the last, that are silence
constexpr double kLongest = 12.0;  ///< frames of a token; the rest is silence

std::vector<double> fires_of(const at::Tensor& peaks, double shift) {
  const auto own = peaks.detach().cpu().to(at::kFloat).contiguous();
  const auto limit = static_cast<float>(kFires);
  std::vector<double> fires;
  for (int64_t t = 0; t < own.numel(); ++t) {
    if (own.data_ptr<float>()[t] >= limit) fires.push_back(static_cast<double>(t) + shift);
  }
  return fires;
}

}  // namespace

std::vector<TimedToken> time_stamps(const at::Tensor& weights, const at::Tensor& peaks, int64_t tokens,
                                    const TimeStampOptions& o) {
  std::vector<TimedToken> stamps;
  if (tokens == 0) return stamps;
  auto fires = fires_of(peaks, o.shift);
  if (static_cast<int64_t>(fires.size()) != tokens + 1) {
    const auto own = weights.detach().cpu().to(at::kFloat);
    fires = fires_of(firing_sums(own / (own.sum() / static_cast<double>(tokens + 1)), kFires), o.shift);
  }
  if (fires.size() < 2) return stamps;
  const auto seconds = [&](double frame) { return frame * o.seconds_per_frame; };
  const auto frames = static_cast<double>(peaks.numel());
  if (fires.front() > kSilence) stamps.push_back({-1, 0.0, seconds(fires.front())});
  for (std::size_t i = 0; i + 1 < fires.size() && static_cast<int64_t>(i) < tokens; ++i) {
    const double split = std::min(fires[i + 1], fires[i] + kLongest);
    stamps.push_back({static_cast<int64_t>(i), seconds(fires[i]), seconds(split)});
    if (split < fires[i + 1]) stamps.push_back({-1, seconds(split), seconds(fires[i + 1])});
  }
  const bool silent_end = frames - fires.back() > kSilence;
  const double end = silent_end ? (frames + fires.back()) * 0.5 : frames;
  stamps.back().end = seconds(end);
  if (silent_end) stamps.push_back({-1, seconds(end), seconds(frames)});
  for (auto& stamp : stamps) {
    stamp.begin += o.offset;
    stamp.end += o.offset;
  }
  return stamps;
}

}  // namespace arzoo::speech
