#include "speech/ranking_lm.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"
#include "nn/embedding_table.h"
#include "nn/position_table.h"

namespace arzoo::speech {

RankingLm::RankingLm(const RankingLmOptions& o)
    : options_(o),
      table_(nn::register_table(add_folder(add_folder(*this, "text_embed"), "0"), "lut", o.vocab_size,
                                o.d_model)),
      encoder_(register_module(
          "encoder", std::make_shared<CassNatStack>(CassNatLayer::Shape{.width = o.d_model,
                                                                        .heads = o.n_head,
                                                                        .hidden = o.d_ff,
                                                                        .dropout = o.dropout,
                                                                        .attention_dropout = o.dropout},
                                                    o.N, /*norm=*/true))),
      out_(register_module("out_generator", std::make_shared<TokenHead>(o.d_model, o.vocab_size, false))) {}

at::Tensor RankingLm::forward(const at::Tensor& ids, const at::Tensor& rows) {
  const int64_t tokens = ids.size(1);
  auto x = at::embedding(table_, ids) * std::sqrt(static_cast<double>(options_.d_model));
  x = x + nn::position_table(tokens, options_.d_model).to(x.options());
  x = kernels::dropout(x, options_.dropout, is_training());
  const auto causal = at::ones({tokens, tokens}, rows.options()).tril();
  return out_->forward(encoder_->forward(
      x, {.self_mask = rows.unsqueeze(1) & causal, .memory = {}, .memory_mask = {}, .positions = {}}));
}

at::Tensor rank_by(RankingLm& model, const at::Tensor& log_probs, const at::Tensor& rows) {
  const auto ids = log_probs.argmax(-1);  // [B, N]
  const auto read =
      at::cat({at::full_like(ids.narrow(1, 0, 1), kStart), ids.narrow(1, 0, ids.size(1) - 1)}, 1);
  const auto scores = model.forward(read, rows).gather(-1, ids.unsqueeze(-1)).squeeze(-1);
  const auto counted = scores.masked_fill(rows.logical_not(), 0.0);
  return counted.sum(1) / counted.ne(0).sum(1).to(at::kFloat);
}

}  // namespace arzoo::speech
