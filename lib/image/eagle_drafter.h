#pragma once

#include "image/eagle_head.h"
#include "image/llamagen_stream.h"
#include "nn/drafter.h"

namespace arzoo::image {

/// The shape of a drafted tree.
struct EagleTree {
  int64_t top_k = 10;
  int64_t depth = 4;         ///< dynamic: passes of the drafter behind the first
  int64_t total_token = 59;  ///< dynamic: nodes, the root included
  /// Static (EAGLE, LANTERN++): at each inner node top_k codes are drawn without replacement; a node is the
  /// list of the ranks on the way to it. Empty: dynamic (EAGLE-2, LANTERN), of the most likely paths.
  std::vector<std::vector<int64_t>> paths = {};
};

/// Paths of a static tree: `top_k` nodes follow the root and the first node of each level, up to `depth`
/// levels behind the first and `total_token` nodes.
std::vector<std::vector<int64_t>> drawn_paths(const EagleTree& shape);

/// Drafts by an EAGLE head, along a picture that its target's stream makes. One picture.
class EagleDrafter : public nn::RowDrafter {
 public:
  /// All must outlive the drafter; the stream has begun when drafts are asked for. sampling: as the target's;
  /// where it is greedy, the drafts are the most likely codes of all.
  EagleDrafter(const EagleHead& head, const LlamaGenStream& stream, EagleTree shape,
               const nn::TokenSampling& sampling);

  nn::DraftTree propose(const nn::DraftRow& row) override;
  void settle(const nn::DraftRow& row, const nn::SettledDrafts& drafts) override;
  int64_t passes() const override { return passes_; }

  /// The codes drawn at the inner nodes of a static tree in the last round, in the order of the nodes, and
  /// what they were drawn from, [V].
  struct Drawn {
    std::vector<int64_t> codes;
    at::Tensor q;
  };
  const std::vector<Drawn>& drawn() const { return drawn_; }

 private:
  /// Nodes that the head has read behind the certain tokens.
  struct Level {
    std::vector<int64_t> tokens;
    at::Tensor before;                        ///< [rows, nodes, D]
    std::vector<std::vector<int64_t>> above;  ///< of each, the places of its ancestors among all read so far
  };
  at::Tensor read_certain(const std::vector<int64_t>& tokens);
  at::Tensor read(const Level& level, int64_t place);
  at::Tensor distributions(const at::Tensor& states, int64_t token) const;
  nn::DraftTree likely_tree(const nn::DraftRow& row, const at::Tensor& state);
  nn::DraftTree drawn_tree(int64_t root, int64_t room, const at::Tensor& state,
                           nn::DraftRandomInputs& random_inputs);
  at::Tensor ids_of(const std::vector<int64_t>& tokens, int64_t rows) const;

  const EagleHead& head_;
  const LlamaGenStream& stream_;
  EagleTree shape_;
  nn::TokenSampling sampling_;
  nn::DecoderCache cache_;
  int64_t certain_ = 0;  ///< tokens that it has read with the target's states
  int64_t read_ = 0;     ///< nodes behind them
  at::Tensor pending_;   ///< the target's states before the tokens that it has not, [rows, tokens, D]
  std::vector<Drawn> drawn_;
  int64_t passes_ = 0;
};

}  // namespace arzoo::image
