#include "distill/mar_diffusion.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "nn/diffusion_schedule.h"
#include "nn/seeded_noise.h"

namespace arzoo::distill {
namespace {

/// Of all students and their teachers.
constexpr uint64_t kOrder = 0x6f72646572U;
constexpr double kLastTimestep = nn::DiffusionSchedule::kDiffusionSteps - 1;

}  // namespace

MarDiffusion::MarDiffusion(const image::MarOptions& options)
    : image::Mar(options), order_(nn::seeded_orders({splitmix64(kOrder)}, layout().tokens)[0]) {}

at::Tensor MarDiffusion::placed(const at::Tensor& rows) const {
  return rows.index_select(1, order_.argsort().to(rows.device()));
}

at::Tensor MarDiffusion::ordered(const at::Tensor& rows) const {
  return rows.index_select(1, order_.to(rows.device()));
}

at::Tensor MarDiffusion::orders(int64_t samples) const {
  return order_.flip(0).unsqueeze(0).expand({samples, -1}).contiguous();
}

at::Tensor MarDiffusion::states(const at::Tensor& labels, const at::Tensor& tokens) {
  auto all = nn::keep_beginning(tokens.size(0), layout().tokens, layout().tokens);
  all.index = all.index.to(tokens.device());
  return ordered(decode(encode(placed(tokens.detach()), all, condition(labels)), all));
}

at::Tensor MarDiffusion::velocity(const at::Tensor& x, const at::Tensor& t, const at::Tensor& states) const {
  const auto out = head_velocity(diffloss().net(), x, t * kLastTimestep, states);
  // At the last timestep, where x is nothing but noise, v is what the token is, negated.
  return diffloss().net().options().prediction == nn::Prediction::v ? x + out : out;
}

}  // namespace arzoo::distill
