#include "distill/student.h"

#include <torch/torch.h>

#include "core/error.h"
#include "nn/seeded_noise.h"

namespace arzoo::distill {

at::Tensor picture_noise(const std::vector<uint64_t>& seeds, const TokenShape& shape, double stddev) {
  std::vector<nn::NoiseRow> rows;
  for (const uint64_t seed : seeds) {
    for (int64_t i = 0; i < shape.count; ++i) rows.push_back({seed, static_cast<uint64_t>(i)});
  }
  return nn::normal_rows(rows, shape.channels)
      .mul_(stddev)
      .view({static_cast<int64_t>(seeds.size()), shape.count, shape.channels});
}

void make_constant(torch::nn::Module& module, at::Device device) {
  module.to(device);
  module.eval();
  for (auto& parameter : module.parameters()) parameter.requires_grad_(false);
}

void Student::take_teacher(std::shared_ptr<image::Var>, const image::VarSampling&, int64_t) {
  fail<UsageError>("--teacher: requires a student of Distilled Decoding 1 with a mapping of the noise");
}

}  // namespace arzoo::distill
