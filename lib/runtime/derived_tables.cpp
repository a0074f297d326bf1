#include "runtime/derived_tables.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>

namespace arzoo::runtime {
namespace {

constexpr std::string_view kTables[] = {
    "attn_bias_for_masking", "masked_bias", "mask",      "causal_mask", "tril", "pe", "lvl_1L", "inv_freq",
    "position_ids",          "freqs",       "freqs_cis", "zero_k_bias"};

/// Of all pairs of places: [1, 1, T, T], as GPT-2's "bias".
bool is_attention_mask(const at::Tensor& tensor) {
  return tensor.dim() == 4 && tensor.size(0) == 1 && tensor.size(1) == 1 && tensor.size(2) == tensor.size(3);
}

}  // namespace

bool is_derived_table(std::string_view name, const at::Tensor& tensor) {
  const auto own = name.substr(name.rfind('.') + 1);  // npos + 1 is 0
  if (std::find(std::begin(kTables), std::end(kTables), own) != std::end(kTables)) return true;
  const bool of_attention = name.ends_with("attn.bias") || name.ends_with("attention.bias");
  return of_attention && is_attention_mask(tensor);
}

}  // namespace arzoo::runtime
