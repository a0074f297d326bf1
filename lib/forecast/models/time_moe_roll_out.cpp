#include "forecast/models/time_moe_roll_out.h"

#include <torch/torch.h>

#include <algorithm>

#include "forecast/models/time_moe_model.h"

/// Roll-outs step by step in fewer passes than steps, after speculative decoding (Leviathan et al., ICML
/// 2023): a head that looks far ahead drafts, one pass of the decoder verifies. Forecasts are numbers, not
/// distributions, so a draft is right if it is near enough to what one step ahead would have been.
namespace arzoo::forecast {
namespace {

/// One series: what the decoder remembers of it, and what it reads next.
struct RolledSeries {
  RolledSeries(at::Tensor history, int64_t layers, int64_t horizon)
      : cache(layers, history.size(0) + horizon), next(std::move(history)) {}

  nn::DecoderCache cache;
  at::Tensor next;  ///< [N]: certain values, the last `drafts` of them drafts
  int64_t drafts = 0;
  std::vector<at::Tensor> found = {};  ///< parts of the forecast
  int64_t steps = 0;                   ///< of them
};

/// How many drafts agree with what one step ahead is, from the first on. drafts: [K]; verified: [K + 1].
int64_t agreeing(const at::Tensor& drafts, const at::Tensor& verified, double tolerance) {
  const auto near = (drafts - verified.narrow(0, 0, drafts.size(0))).to(at::kFloat).abs().le(tolerance);
  return near.to(at::kLong).cumprod(0).sum().item<int64_t>();
}

}  // namespace

at::Tensor TimeMoe::drafted(const at::Tensor& hidden, int64_t steps) {
  std::size_t head = 0;
  while (head + 1 < heads_.size() && options_.horizon_lengths[head] < steps) ++head;
  const auto ahead = logits(hidden, head)[0][0];
  return ahead.narrow(0, 0, std::min(ahead.size(0), steps));
}

at::Tensor TimeMoe::roll_out(const at::Tensor& context, int64_t horizon, const at::Tensor& attention_mask,
                             const TimeMoeForecastOptions& options, RollOutCounts* counts) {
  const torch::NoGradGuard no_grad;
  std::vector<RolledSeries> series;
  for (int64_t row = 0; row < context.size(0); ++row) {
    const int64_t known =
        attention_mask.defined() ? attention_mask[row].ne(0).sum().item<int64_t>() : context.size(1);
    series.emplace_back(context[row].narrow(0, context.size(1) - known, known).to(type()),
                        options_.num_hidden_layers, horizon);
  }
  RollOutCounts own;
  while (true) {
    TimeMoeInput input;
    std::vector<at::Tensor> values;
    std::vector<RolledSeries*> open;
    for (auto& one : series) {
      if (one.steps == horizon) continue;
      open.push_back(&one);
      values.push_back(one.next);
      input.sequences.push_back({one.next.size(0), &one.cache});
    }
    if (open.empty()) break;
    input.values = at::cat(values).unsqueeze(0);
    const auto hidden = states(input).hidden;
    int64_t end = 0;
    for (auto* one : open) {
      end += one->next.size(0);
      const auto last =
          hidden.narrow(1, end - 1 - one->drafts, one->drafts + 1);  // behind certain and drafts
      const auto verified = logits(last, 0)[0].select(-1, 0);        // [drafts + 1]
      const auto drafts = one->next.narrow(0, one->next.size(0) - one->drafts, one->drafts);
      const int64_t accepted = agreeing(drafts, verified, options.tolerance);
      own.passes += 1;
      own.drafts += one->drafts;
      own.accepted += accepted;
      one->cache.truncate(one->cache.length() - one->drafts + accepted);
      const auto certain = verified.narrow(0, accepted, 1);
      one->found.push_back(at::cat({drafts.narrow(0, 0, accepted), certain}));
      one->steps += accepted + 1;
      // The forecasts behind the one that is now certain.
      const int64_t room = std::min(options.drafts, horizon - one->steps - 1) + 1;
      const auto ahead = room > 1 ? drafted(last.narrow(1, accepted, 1), room) : certain;
      one->drafts = ahead.size(0) - 1;
      one->next = at::cat({certain, ahead.narrow(0, 1, one->drafts)});
    }
  }
  own.steps = horizon * context.size(0);
  if (counts != nullptr) {
    counts->passes += own.passes;
    counts->steps += own.steps;
    counts->drafts += own.drafts;
    counts->accepted += own.accepted;
  }
  std::vector<at::Tensor> rows;
  for (const auto& one : series) rows.push_back(at::cat(one.found));
  return at::stack(rows);
}

}  // namespace arzoo::forecast
