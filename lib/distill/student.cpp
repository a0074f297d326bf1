#include "distill/student.h"

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/random_numbers.h"

namespace arzoo::distill {

at::Tensor picture_noise(const std::vector<uint64_t>& seeds, const TokenShape& shape, double stddev) {
  return kernels::normal_numbers(kernels::streams_on(seeds), 0, shape.count, shape.channels).mul_(stddev);
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
