#include "speech/expected_error_loss.h"

#include <torch/torch.h>

#include "speech/edit_distance.h"
#include "speech/speech_layers.h"

namespace arzoo::speech {
namespace {

std::vector<int64_t> first_of(const at::Tensor& row, int64_t count) {
  const auto own = row.cpu().contiguous();
  return {own.data_ptr<int64_t>(), own.data_ptr<int64_t>() + count};
}

}  // namespace

ExpectedErrors expected_errors(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& lengths,
                               const at::Tensor& masked) {
  const auto log_probs = at::log_softmax(logits, -1);
  const auto top = std::get<1>(log_probs.detach().topk(2, -1));  // [B, N, 2]
  const auto best = top.select(2, 0).unsqueeze(1), second = top.select(2, 1).unsqueeze(1);
  ExpectedErrors result;
  const int64_t batch = labels.size(0), samples = masked.size(1);
  const auto there = length_mask(lengths, labels.size(1)).unsqueeze(1);
  result.samples = at::where(masked & there, second, best);  // [B, S, N]
  const auto each =
      log_probs.unsqueeze(1).expand({-1, samples, -1, -1}).gather(3, result.samples.unsqueeze(3));
  result.shares = at::softmax((each.squeeze(3) * there.to(each.scalar_type())).sum(2), 1);
  result.errors = at::zeros({batch, samples});
  for (int64_t b = 0; b < batch; ++b) {
    const auto count = lengths[b].item<int64_t>();
    const auto reference = first_of(labels[b], count);
    for (int64_t s = 0; s < samples; ++s)
      result.errors[b][s] =
          static_cast<double>(edit_counts(reference, first_of(result.samples[b][s], count)).errors());
  }
  result.errors = result.errors.to(logits.device());
  result.loss = (result.shares * (result.errors - result.errors.mean(1, true))).sum(1).mean();
  return result;
}

}  // namespace arzoo::speech
