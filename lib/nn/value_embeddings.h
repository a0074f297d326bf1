#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "nn/value_memory_options.h"

namespace torch::nn {
class Module;
}

/// Value embeddings: rows by token id that a decoder's layers mix into their values. B rows, T tokens, G
/// heads of keys and values, E width of a head, M slots, D width of a token, V ids.
namespace arzoo::nn {

/// Mixture of value embeddings (MoVE, arXiv 2601.22887): each token id has M rows of a bank that all layers
/// share, which a layer mixes into its values by gates g = 2 sigmoid(W_G h) of its own:
/// v' = g_0 v + sum_m g_m rows_m, per head. Layer-wise value embeddings (LaVE) have one row per id and layer
/// and one gate per head, none of v: v' = v + g row.
///
/// v: [B, G, T, E]; gates: W_G h, [B, T, G (M + 1)] or of LaVE [B, T, G], those of a head side by side; rows:
/// [B, T, M, G, E], may be undefined, then they count as 0. Returns [B, G, T, E].
at::Tensor with_value_embeddings(const at::Tensor& v, const at::Tensor& gates, const at::Tensor& rows);

/// The tables of a decoder: "value_embeddings.weight" [V, M * G * E], slot by slot, for MoVE, and for LaVE
/// "value_embeddings.<layer>.weight" [V, G * E].
class ValueTables {
 public:
  /// No tables.
  ValueTables() = default;
  /// Registers them with `owner`, not initialised.
  ValueTables(torch::nn::Module& owner, const ValueMemoryOptions& options, int64_t layers, int64_t vocabulary,
              int64_t heads, int64_t head_width);

  /// The rows of tokens [B, T] behind `before` places that have none: of all layers or of each, [B, before +
  /// T, M, G, E]; empty where there are no tables.
  std::vector<at::Tensor> rows(const at::Tensor& ids, int64_t before = 0) const;
  const std::vector<at::Tensor>& tables() const { return tables_; }

 private:
  int64_t slots_ = 0, heads_ = 0, head_width_ = 0;
  std::vector<at::Tensor> tables_;
};

}  // namespace arzoo::nn
