#include "distill/flowar_diffusion.h"

#include <torch/torch.h>

namespace arzoo::distill {

at::Tensor FlowArDiffusion::states(const at::Tensor& labels, const at::Tensor& tokens) {
  const auto given = tokens.detach();
  std::vector<at::Tensor> inputs;
  int64_t first = 0;
  for (std::size_t k = 0; k + 1 < grids().size(); ++k) {
    inputs.push_back(next_input(given.narrow(1, first, grids()[k].tokens()), k));
    first += grids()[k].tokens();
  }
  const auto seen = at::cat(inputs, 1);
  return at::GradMode::is_enabled() ? forward(labels, seen) : all_states(labels, seen);
}

at::Tensor FlowArDiffusion::velocity(const at::Tensor& x, const at::Tensor& t,
                                     const at::Tensor& states) const {
  const int64_t skipped = image::tokens_of(grids()) - x.size(1);
  const auto as_trained = at::GradMode::is_enabled();
  std::vector<at::Tensor> velocities;
  int64_t place = 0;
  for (const auto& grid : grids()) {
    const int64_t first = place - skipped, tokens = grid.tokens();
    place += tokens;
    if (first < 0) continue;
    const auto part = x.narrow(1, first, tokens);
    const auto times = t.select(1, first).flatten();
    const auto condition = flow().prepare(states.narrow(1, first, tokens), grid.height);
    velocities.push_back(as_trained ? flow().forward(part, times, condition).to(at::kFloat)
                                    : flow().velocity_at(part, times, condition));
  }
  return at::cat(velocities, 1);
}

}  // namespace arzoo::distill
