#include "nn/value_embeddings.h"

#include <torch/torch.h>

#include "nn/embedding_table.h"

namespace arzoo::nn {

at::Tensor with_value_embeddings(const at::Tensor& v, const at::Tensor& gates, const at::Tensor& rows) {
  const int64_t heads = v.size(1);
  const auto g = 2.0 * at::sigmoid(gates.unflatten(-1, {heads, gates.size(-1) / heads}));  // [B, T, G, M + 1]
  const bool mixes_own = g.size(-1) > 1;
  const auto own = mixes_own ? g.select(-1, 0).transpose(1, 2).unsqueeze(-1) * v : v;
  if (!rows.defined()) return own;
  const auto of_rows = mixes_own ? g.narrow(-1, 1, rows.size(2)) : g;
  const auto shares = of_rows.permute({0, 1, 3, 2}).unsqueeze(-1);  // [B, T, M, G, 1]
  return own + (shares * rows).sum(2).transpose(1, 2);
}

ValueTables::ValueTables(torch::nn::Module& owner, const ValueMemoryOptions& options, int64_t layers,
                         int64_t vocabulary, int64_t heads, int64_t head_width)
    : slots_(options.rows(layers)), heads_(heads), head_width_(head_width) {
  constexpr const char* kName = "value_embeddings";
  if (!options.any()) return;
  if (!options.of_each_layer()) {
    tables_.push_back(register_table(owner, kName, vocabulary, slots_ * heads * head_width));
    return;
  }
  const auto list = owner.register_module(kName, std::make_shared<torch::nn::Module>());
  for (int64_t layer = 0; layer < layers; ++layer)
    tables_.push_back(register_table(*list, std::to_string(layer).c_str(), vocabulary, heads * head_width));
}

std::vector<at::Tensor> ValueTables::rows(const at::Tensor& ids, int64_t before) const {
  std::vector<at::Tensor> all;
  for (const auto& table : tables_) {
    auto flat = at::embedding(table, ids);
    if (before > 0) flat = at::constant_pad_nd(flat, {0, 0, before, 0});
    all.push_back(flat.unflatten(-1, {slots_, heads_, head_width_}));
  }
  return all;
}

}  // namespace arzoo::nn
