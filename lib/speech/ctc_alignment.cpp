#include "speech/ctc_alignment.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>

#include "core/error.h"

namespace arzoo::speech {
namespace {

constexpr float kImpossible = -1e10F;

/// Viterbi's path through blank, y1, blank, … of one utterance: the token of each frame.
class Trellis {
 public:
  Trellis(const at::TensorAccessor<float, 2>& log_probs, std::vector<int64_t> path, int64_t frames)
      : log_probs_(log_probs), path_(std::move(path)), frames_(frames) {}

  std::vector<int64_t> best(const std::vector<int64_t>& second) {
    const auto states = path_.size();
    std::vector<float> scores(states, kImpossible);
    scores[0] = 0.0F;
    std::vector<std::vector<int8_t>> steps(static_cast<std::size_t>(frames_), std::vector<int8_t>(states));
    for (int64_t t = 0; t < frames_; ++t) {
      const bool takes_second = std::find(second.begin(), second.end(), t) != second.end();
      std::vector<float> next(states);
      for (std::size_t s = 0; s < states; ++s) {
        const auto [score, step] = predecessor(scores, s, takes_second);
        steps[static_cast<std::size_t>(t)][s] = static_cast<int8_t>(step);
        next[s] = score + log_probs_[t][path_[s]];
      }
      scores = std::move(next);
    }
    auto state = states - 1;
    if (states > 1 && !(scores[states - 1] > scores[states - 2])) state = states - 2;
    std::vector<int64_t> tokens(static_cast<std::size_t>(frames_));
    for (int64_t t = frames_ - 1; t >= 0; --t) {
      tokens[static_cast<std::size_t>(t)] = path_[state];
      state -= static_cast<std::size_t>(steps[static_cast<std::size_t>(t)][state]);
    }
    return tokens;
  }

 private:
  /// The best, or second best, of staying, coming from the state before, or from the one before that, which
  /// blanks and repeated tokens do not allow.
  std::pair<float, int> predecessor(const std::vector<float>& scores, std::size_t s, bool second) const {
    std::array<float, 3> from{scores[s], s >= 1 ? scores[s - 1] : kImpossible,
                              s >= 2 && path_[s] != path_[s - 2] ? scores[s - 2] : kImpossible};
    const auto best = std::max_element(from.begin(), from.end()) - from.begin();
    if (!second || s == 0) return {from[static_cast<std::size_t>(best)], static_cast<int>(best)};
    int chosen = best == 0 ? 1 : 0;
    for (int i = 0; i < 3; ++i) {
      if (i != best && from[static_cast<std::size_t>(i)] > from[static_cast<std::size_t>(chosen)]) chosen = i;
    }
    // A state cannot come from before the first one.
    if (static_cast<std::size_t>(chosen) > s) chosen = 0;
    return {from[static_cast<std::size_t>(chosen)], chosen};
  }

  at::TensorAccessor<float, 2> log_probs_;
  std::vector<int64_t> path_;
  int64_t frames_;
};

/// Repeats removed, then everything one frame to the right.
at::Tensor first_frames(const at::Tensor& tokens) {
  const auto before = at::constant_pad_nd(tokens, {1, 0}).narrow(1, 0, tokens.size(1));
  const auto firsts = tokens.masked_fill(tokens.eq(before), 0);
  return at::constant_pad_nd(firsts, {1, 0}).narrow(1, 0, tokens.size(1));
}

Aligned aligned_of(at::Tensor tokens, const at::Tensor& mask) {
  if (mask.defined()) tokens = tokens.masked_fill(mask.logical_not(), 0);
  Aligned aligned{.shifted = first_frames(tokens), .lengths = {}};
  aligned.lengths = aligned.shifted.ne(0).sum(1);
  aligned.rows = aligned.lengths.max().item<int64_t>();
  return aligned;
}

}  // namespace

Aligned viterbi_alignment(const at::Tensor& log_probs, const at::Tensor& frames, const at::Tensor& labels,
                          const at::Tensor& label_lengths, const std::vector<int64_t>& second) {
  const auto probs = log_probs.detach().cpu().to(at::kFloat).contiguous();
  const auto own_labels = labels.cpu(), lengths = label_lengths.cpu(), counts = frames.cpu();
  auto tokens = at::zeros({probs.size(0), probs.size(1)}, at::kLong);
  for (int64_t b = 0; b < probs.size(0); ++b) {
    const auto length = lengths[b].item<int64_t>(), count = counts[b].item<int64_t>();
    if (length > count)
      fail<DataError>("utterance {} has {} tokens but only {} frames behind the encoder", b, length, count);
    std::vector<int64_t> path(static_cast<std::size_t>(2 * length + 1), 0);
    for (int64_t i = 0; i < length; ++i)
      path[static_cast<std::size_t>(2 * i + 1)] = own_labels[b][i].item<int64_t>();
    const auto row = probs[b];
    const auto own = Trellis(row.accessor<float, 2>(), std::move(path), count).best(second);
    for (int64_t t = 0; t < count; ++t) tokens[b][t] = own[static_cast<std::size_t>(t)];
  }
  return {first_frames(tokens).to(log_probs.device()), label_lengths, labels.size(1)};
}

Aligned greedy_alignment(const at::Tensor& log_probs, const at::Tensor& mask) {
  return aligned_of(log_probs.argmax(-1), mask);
}

Aligned sampled_alignment(const at::Tensor& log_probs, const at::Tensor& mask, int64_t samples,
                          double threshold, const at::Tensor& choice) {
  const auto [values, ids] = log_probs.topk(2, -1);
  auto chosen = choice.masked_fill(values.select(2, 0).exp() >= threshold, 0);
  chosen = chosen.index_fill(0, at::arange(0, chosen.size(0), samples, chosen.options()), 0);
  return aligned_of(ids.gather(-1, chosen.unsqueeze(-1)).squeeze(-1), mask);
}

at::Tensor trigger_mask(const Aligned& aligned, const at::Tensor& mask, const at::Tensor& frames) {
  const auto started = aligned.shifted.ne(0).cumsum(1).unsqueeze(1);
  auto rows = started == at::arange(aligned.rows + 1, started.options()).view({1, -1, 1});
  if (mask.defined()) rows = rows & mask.unsqueeze(1);
  const auto batch = at::arange(rows.size(0), started.options());
  return rows.index_put({batch, aligned.lengths, frames - 1}, at::ones({}, rows.options()));
}

at::Tensor widened(at::Tensor trigger, bool left, bool right, bool neighbours) {
  const auto moved = [](const at::Tensor& x, int64_t axis, bool forward) {
    const auto size = x.size(axis);
    const auto empty = at::zeros_like(x.narrow(axis, 0, 1));
    return forward ? at::cat({empty, x.narrow(axis, 0, size - 1)}, axis)
                   : at::cat({x.narrow(axis, 1, size - 1), empty}, axis);
  };
  if (neighbours) {
    auto wide = trigger;
    if (left) wide = wide | moved(trigger, 1, true);
    if (right) wide = wide | moved(trigger, 1, false);
    return wide;
  }
  if (right) trigger = trigger | moved(trigger, 2, true);
  if (left) trigger = trigger | moved(trigger, 2, false);
  return trigger;
}

}  // namespace arzoo::speech
