#include "distill/var_student.h"

namespace arzoo::distill {

at::Tensor VarStudent::noise(const std::vector<uint64_t>& seeds) const {
  return picture_noise(seeds, shape(), noise_std_);
}

at::Tensor VarStudent::latents(const at::Tensor& tokens) const {
  return vae_.quantizer().sum_of(tokens, grids_);
}

}  // namespace arzoo::distill
