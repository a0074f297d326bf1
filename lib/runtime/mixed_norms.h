#pragma once

namespace arzoo::runtime {

/// PyTorch's norms on CPUs refuse fp32 inputs beside bf16 parameters, which residual streams bring in mixed
/// precision; from the first call on they are computed in fp32 there, as on GPUs.
void mix_norms_on_cpu();

}  // namespace arzoo::runtime
