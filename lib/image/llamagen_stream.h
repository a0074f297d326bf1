#pragma once

#include "image/llamagen_model.h"
#include "nn/draft_tree.h"

namespace arzoo::image {

/// Classifier-free guidance of a token: null + (condition - null) * cfg.
struct LlamaGenGuidance {
  double cfg = 1.0;       ///< up to 1: none, and the null half is not computed
  int64_t interval = -1;  ///< guides the first token and interval + 1 more; -1: all

  bool any() const { return cfg > 1.0; }
  bool guides(int64_t token) const { return any() && (interval < 0 || token <= interval + 1); }
};

/// A generation in progress: what the transformer remembers of the condition and the tokens so far, and the
/// guided logits of what follows. Guided, the rows of a pass are those of the condition, then those of the
/// null one. B pictures, N tokens of a pass, V codes, D width.
class LlamaGenStream {
 public:
  /// The model must outlive it. Throws UsageError for a class that is none, and for guidance of a model that
  /// knows no null class.
  LlamaGenStream(const LlamaGen& model, const LlamaGenCondition& condition, const LlamaGenGuidance& guidance);

  /// The logits of the first token, [B, V], from the condition alone; to be called first, once.
  at::Tensor begin();
  /// Reads tokens that follow one another, [B, N] long: the logits of the token after each, [B, N, V].
  at::Tensor read(const at::Tensor& ids);
  /// One pass for streams of one picture each, all of one model and guidance: the logits of their first
  /// tokens, [B, V]; to be called first, once.
  static at::Tensor begin_together(const std::vector<LlamaGenStream*>& streams);
  /// The same of trees of drafts behind what each stream remembers, where an empty one leaves its stream
  /// alone: the logits of what follows each node, stream by stream, [N of all, V]. A node sees its ancestors
  /// alone. Places behind a picture's end are not turned, as in LANTERN's code.
  static at::Tensor read_together(const std::vector<LlamaGenStream*>& streams,
                                  const std::vector<nn::DraftTree>& trees);

  /// Tokens of the picture that are remembered.
  int64_t length() const { return cache_.length() - model_.options().cls_token_num; }
  /// Forgets all of them but the first `length`, and those that were read after them at `nodes`, ascending,
  /// counted from there.
  void keep(int64_t length, const std::vector<int64_t>& nodes = {});
  /// The normed states of the last pass, [rows, N, D].
  const at::Tensor& states() const { return states_; }
  /// Of other states: the logits of tokens that are places `tokens` of the picture, guided; [B, N, V].
  at::Tensor guided_logits(const at::Tensor& states, const std::vector<int64_t>& tokens) const;
  int64_t passes() const { return passes_; }
  at::Device device() const { return model_.embedding().device(); }
  int64_t cache_bytes() const;

 private:
  at::Tensor run(const at::Tensor& x, nn::DecoderPass pass, const std::vector<int64_t>& tokens);
  /// Tokens of pictures one behind the other, [rows, N of all, D], at `places`: as many as each entry of
  /// `parts` says, with what they may see; value_rows: as nn::DecoderPass's.
  struct Part {
    LlamaGenStream* stream;
    int64_t tokens;
    at::Tensor bias;
  };
  static at::Tensor run_together(const std::vector<Part>& parts, const at::Tensor& x,
                                 const at::Tensor& places, const std::vector<int64_t>& tokens,
                                 std::vector<at::Tensor> value_rows);
  at::Tensor tree_bias(const nn::DraftTree& tree) const;
  at::Tensor doubled(const at::Tensor& ids) const;

  const LlamaGen& model_;
  LlamaGenCondition condition_;  ///< both halves
  LlamaGenGuidance guidance_;
  nn::DecoderCache cache_;
  at::Tensor states_;
  int64_t passes_ = 0;
};

}  // namespace arzoo::image
