#include "nn/exponential_race.h"

#include <torch/torch.h>

namespace arzoo::nn {

at::Tensor race_winners(const at::Tensor& p, const at::Tensor& e) { return (p / e).argmax(-1); }

at::Tensor ExponentialRace::pick(const at::Tensor& logits, int64_t first) {
  return race_winners(at::softmax(logits, -1), exponentials(logits, first));
}

}  // namespace arzoo::nn
