#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace arzoo::runtime {

/// Whether a tensor is, by its name and shape, a table that models compute from their options and keep as a
/// buffer: attention masks (mask, attn.bias, masked_bias, attn_bias_for_masking), positions (pe, lvl_1L,
/// position_ids), rotary frequencies (inv_freq, freqs, freqs_cis), a key's constant zero bias. Files may lack
/// them, as averages of parameters do, or hold those of another version of the class.
bool is_derived_table(std::string_view name, const at::Tensor& tensor);

}  // namespace arzoo::runtime
