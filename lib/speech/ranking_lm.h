#pragma once

#include "speech/cassnat_layers.h"

namespace arzoo::speech {

/// "lm": of the language model that ranks sampled alignments.
struct RankingLmOptions {
  int64_t n_head = 8;
  int64_t d_model = 512;
  int64_t d_ff = 2048;
  double dropout = 0.1;
  int64_t vocab_size = 4232;
  int64_t N = 16;

  static void fields(auto& o, auto& field) {
    field("n_head", o.n_head, between(1, 1024), "attention heads");
    field("d_model", o.d_model, between(4, 1 << 16), "width of a token");
    field("d_ff", o.d_ff, between(1, 1 << 18), "hidden width of the feed-forward layers");
    field("dropout", o.dropout, from_below(0, 1), "dropout");
    field("vocab_size", o.vocab_size, between(5, 1 << 22), "tokens");
    field("N", o.N, between(1, 1024), "layers");
  }
  void check() const {
    require(d_model % n_head == 0, "d_model ({}) must be a multiple of n_head ({})", d_model, n_head);
  }
};

/// The official transformer language model.
class RankingLm : public torch::nn::Module {
 public:
  explicit RankingLm(const RankingLmOptions& options);
  /// ids: [B, N], the first sos; rows: [B, N], bool, tokens that are there. Returns log probabilities [B, N,
  /// V].
  at::Tensor forward(const at::Tensor& ids, const at::Tensor& rows);

 private:
  RankingLmOptions options_;
  at::Tensor table_;
  std::shared_ptr<CassNatStack> encoder_;
  std::shared_ptr<TokenHead> out_;
};

/// The mean log probability that a model gives the likeliest ids of `log_probs` [B, N, V]; rows: [B, N],
/// bool. Returns [B].
at::Tensor rank_by(RankingLm& model, const at::Tensor& log_probs, const at::Tensor& rows);

}  // namespace arzoo::speech
