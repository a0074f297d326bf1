#include "nn/token_sampler.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/seeded_random.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/random_numbers.h"
#include "kernels/simd.h"

namespace arzoo::nn {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr int64_t kGrainCodes = 1 << 13;

/// Calls body(row) for each row of V numbers.
template <class Body>
void for_rows(int64_t rows, int64_t codes, const Body& body) {
  kernels::parallel_for(rows, std::max<int64_t>(1, kGrainCodes / std::max<int64_t>(codes, 1)),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t i = begin; i < end; ++i) body(i);
                        });
}

void keep_top_k(float* logits, int64_t codes, int64_t top_k) {
  if (top_k >= codes) return;
  std::vector<float> sorted(logits, logits + codes);
  std::nth_element(sorted.begin(), sorted.begin() + (top_k - 1), sorted.end(), std::greater<>());
  const float least = sorted[top_k - 1];
  for (int64_t v = 0; v < codes; ++v) logits[v] = logits[v] < least ? kNever : logits[v];
}

struct Candidate {
  float logit;
  int32_t code;
  double mass;
  bool operator<(const Candidate& other) const {
    return logit < other.logit || (logit == other.logit && code < other.code);
  }
};

/// Orders the candidates so that the longest prefix, of those sorted by `before`, whose mass is at most
/// `budget` comes first; returns its end. Without sorting: the range that holds the border is halved by
/// selection.
template <class Before>
std::vector<Candidate>::iterator prefix_within(std::vector<Candidate>& candidates, double budget,
                                               const Before& before) {
  double taken = 0.0;
  auto low = candidates.begin(), high = candidates.end();
  while (low != high) {
    const auto middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, before);
    double mass = 0.0;
    for (auto at = low; at <= middle; ++at) mass += at->mass;
    if (taken + mass <= budget) {
      taken += mass;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void keep_top_p(float* logits, int64_t codes, double top_p, TopPRule rule) {
  std::vector<Candidate> candidates;
  for (int64_t v = 0; v < codes; ++v) {
    if (logits[v] != kNever) candidates.push_back({logits[v], static_cast<int32_t>(v), 0.0});
  }
  if (candidates.empty()) return;
  const float largest = std::max_element(candidates.begin(), candidates.end())->logit;
  double total = 0.0;
  for (auto& candidate : candidates) total += candidate.mass = std::exp(candidate.logit - largest);
  auto first = candidates.begin(), last = candidates.end();  // of those that go
  if (rule == TopPRule::from_below) {
    last = prefix_within(candidates, (1.0 - top_p) * total, std::less<>());
    if (last == candidates.end()) {
      std::nth_element(candidates.begin(), candidates.end() - 1, candidates.end());
      --last;
    }
  } else {
    const auto more_likely = [](const Candidate& a, const Candidate& b) {
      return a.logit > b.logit || (a.logit == b.logit && a.code < b.code);
    };
    first = prefix_within(candidates, top_p * total, more_likely);
    // The code that crosses the border stays as well: the next of them.
    if (first != last) {
      std::nth_element(first, first, last, more_likely);
      ++first;
    }
  }
  for (auto at = first; at != last; ++at) logits[at->code] = kNever;
}

void keep_most_likely(float* logits, int64_t codes) {
  const auto most = std::max_element(logits, logits + codes) - logits;
  for (int64_t v = 0; v < codes; ++v) {
    if (v != most) logits[v] = kNever;
  }
}

/// From above, 1 is all codes, whatever the sums round to.
bool has_top_p(const TokenSampling& sampling) {
  return sampling.top_p > 0.0 && (sampling.rules.top_p == TopPRule::from_below || sampling.top_p < 1.0);
}

bool has(const TokenSampling& sampling, FilterStep step) {
  return step == FilterStep::top_k ? sampling.top_k > 0 : has_top_p(sampling);
}

void filter_row(float* logits, int64_t codes, const TokenSampling& sampling, FilterStep step) {
  if (step == FilterStep::top_k) {
    keep_top_k(logits, codes, sampling.top_k);
  } else {
    keep_top_p(logits, codes, sampling.top_p, sampling.rules.top_p);
  }
}

/// exp(logit - largest), 0 for -inf.
ARZOO_CLONES void weigh(const float* logits, int64_t codes, float largest, float* weights) {
  for (int64_t v = 0; v < codes; ++v) {
    const float weight = kernels::exp_nonpositive(logits[v] - largest);
    weights[v] = logits[v] == kNever ? 0.0F : weight;
  }
}

/// The code at which the cumulative probability passes `uniform`.
int64_t pick_code(const float* logits, int64_t codes, double uniform, std::vector<float>& weights) {
  weights.resize(codes);
  weigh(logits, codes, *std::max_element(logits, logits + codes), weights.data());
  double total = 0.0;
  for (const float weight : weights) total += weight;
  const double target = uniform * total;
  double sum = 0.0;
  int64_t last = 0;
  for (int64_t v = 0; v < codes; ++v) {
    if (weights[v] == 0.0F) continue;
    sum += weights[v];
    last = v;
    if (sum > target) break;
  }
  return last;
}

// A seed's second stream.
constexpr uint64_t kSmoothing = 0x736d6f6f7468U;

}  // namespace

void filter_logits(at::Tensor& logits, const TokenSampling& sampling) {
  const int64_t codes = logits.size(-1);
  if (!logits.is_cpu()) {
    filter_logits_by_sorting(logits, sampling);
    return;
  }
  auto* data = logits.mutable_data_ptr<float>();
  const int64_t rows = logits.numel() / codes;
  for (const auto step : sampling.rules.order) {
    if (step != FilterStep::temperature) {
      if (!has(sampling, step)) continue;
      for_rows(rows, codes, [&](int64_t row) { filter_row(data + row * codes, codes, sampling, step); });
    } else if (sampling.temperature <= TokenSampling::kGreedy) {
      for_rows(rows, codes, [&](int64_t row) { keep_most_likely(data + row * codes, codes); });
    } else if (sampling.temperature != 1.0) {
      logits.div_(sampling.temperature);
    }
  }
}

void filter_logits_by_sorting(at::Tensor& logits, const TokenSampling& sampling) {
  for (const auto step : sampling.rules.order) {
    if (step == FilterStep::top_k && sampling.top_k > 0 && sampling.top_k < logits.size(-1)) {
      const auto least = std::get<0>(logits.topk(sampling.top_k)).select(-1, -1).unsqueeze(-1);
      logits.masked_fill_(logits.lt(least), kNever);
    } else if (step == FilterStep::top_p && has_top_p(sampling)) {
      const bool from_above = sampling.rules.top_p == TopPRule::from_above;
      const auto [sorted, codes] = logits.sort(std::optional<bool>(true), /*dim=*/-1, from_above);
      const auto shares = at::softmax(sorted, -1, at::kDouble), sums = shares.cumsum(-1);
      auto removed = from_above ? (sums - shares).gt(sampling.top_p) : sums.le(1.0 - sampling.top_p);
      removed.select(-1, from_above ? 0 : -1).fill_(false);
      logits.scatter_(-1, codes, sorted.masked_fill(removed, kNever));
    } else if (step == FilterStep::temperature && sampling.temperature <= TokenSampling::kGreedy) {
      const auto others =
          at::ones_like(logits, at::kBool).scatter_(-1, logits.argmax(-1, /*keepdim=*/true), false);
      logits.masked_fill_(others, kNever);
    } else if (step == FilterStep::temperature && sampling.temperature != 1.0) {
      logits.div_(sampling.temperature);
    }
  }
}

at::Tensor guided(const at::Tensor& conditional, const at::Tensor& unconditional, double scale) {
  return unconditional + (conditional - unconditional) * scale;
}

at::Tensor pick_codes(const at::Tensor& logits, const at::Tensor& uniform) {
  const int64_t codes = logits.size(-1), rows = uniform.numel();
  const auto own = logits.contiguous(), places = uniform.contiguous();
  auto ids = at::empty(uniform.sizes(), at::kLong);
  const auto* data = own.const_data_ptr<float>();
  const auto* place = places.const_data_ptr<double>();
  auto* to = ids.mutable_data_ptr<int64_t>();
  kernels::parallel_for(rows, std::max<int64_t>(1, kGrainCodes / codes), [&](int64_t begin, int64_t end) {
    std::vector<float> weights;
    for (int64_t i = begin; i < end; ++i) to[i] = pick_code(data + i * codes, codes, place[i], weights);
  });
  return ids;
}

at::Tensor pick_codes_by_sums(const at::Tensor& logits, const at::Tensor& uniform) {
  const auto sums = (logits - logits.amax(-1, /*keepdim=*/true)).exp_().cumsum(-1, at::kDouble);
  const auto total = sums.narrow(-1, sums.size(-1) - 1, 1);
  const auto passed =
      at::searchsorted(sums, uniform.unsqueeze(-1) * total, /*out_int32=*/false, /*right=*/true);
  // Where rounding leaves nothing above the target: the last code that may be sampled.
  const auto last = at::searchsorted(sums, total.contiguous());
  return at::minimum(passed, last).squeeze(-1);
}

at::Tensor SeededRandomInputs::pick(const at::Tensor& logits, int64_t first) {
  const auto uniform = kernels::uniform_numbers(streams_on(logits.device()), first, logits.size(1));
  return logits.is_cpu() ? pick_codes(logits, uniform) : pick_codes_by_sums(logits, uniform);
}

at::Tensor SeededRandomInputs::exponentials(const at::Tensor& logits, int64_t first) {
  const int64_t codes = logits.size(2);
  auto streams = seeds_;
  for (auto& stream : streams) stream = splitmix64(stream ^ kSmoothing);
  return kernels::uniform_numbers(kernels::streams_on(streams, logits.device()), first * codes,
                                  logits.size(1) * codes)
      .log_()
      .neg_()
      .to(at::kFloat)
      .view(logits.sizes());
}

const at::Tensor& SeededRandomInputs::streams_on(at::Device device) {
  if (!streams_.defined() || streams_.device() != device) streams_ = kernels::streams_on(seeds_, device);
  return streams_;
}

at::Tensor ReplayedRandomInputs::pick(const at::Tensor& logits, int64_t first) {
  return at::softmax(logits, -1)
      .div_(picking_.narrow(1, first, logits.size(1)).to(logits.device()))
      .argmax(-1);
}

at::Tensor ReplayedRandomInputs::exponentials(const at::Tensor& logits, int64_t first) {
  return smoothing_.narrow(1, first, logits.size(1)).to(logits.device());
}

}  // namespace arzoo::nn
