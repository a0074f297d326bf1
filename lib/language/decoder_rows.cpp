#include "language/decoder_rows.h"

#include <torch/torch.h>

#include <limits>

namespace arzoo::language {
namespace {

/// What each node of a tree may see; undefined of a chain, which is causal.
at::Tensor tree_bias(const nn::DraftTree& tree, int64_t past, const at::TensorOptions& options) {
  if (tree.is_chain()) return {};
  const auto hidden = tree.visible(past).logical_not().to(options.device());
  return at::zeros({1, 1, tree.size(), past + tree.size()}, options)
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

}  // namespace

DecoderRows::DecoderRows(DecoderModel& model, const std::vector<std::vector<int64_t>>& prompts,
                         int64_t capacity, int64_t ids)
    : model_(model), ids_(ids), rows_(prompts.size(), nn::DecoderCache(model.layers(), capacity)) {
  std::vector<int64_t> known;
  std::vector<nn::CachedSequence> sequences;
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    const auto& prompt = prompts[row];
    if (prompt.size() < 2) continue;
    known.insert(known.end(), prompt.begin(), prompt.end() - 1);
    sequences.push_back({static_cast<int64_t>(prompt.size()) - 1, &rows_[row]});
  }
  if (!known.empty()) hidden(known, std::move(sequences), {});
}

at::Tensor DecoderRows::hidden(const std::vector<int64_t>& ids, std::vector<nn::CachedSequence> sequences,
                               const at::Tensor& places) {
  const auto device = model_.parameters().front().device();
  auto pass = nn::packed_pass(std::move(sequences), places);
  pass.position_ids = pass.position_ids.to(device);
  return model_.hidden(at::tensor(ids, at::kLong).unsqueeze(0).to(device), pass);
}

at::Tensor DecoderRows::read(const std::vector<nn::DraftTree>& trees) {
  const auto options = model_.parameters().front().options().requires_grad(false);
  std::vector<int64_t> ids, places;
  std::vector<nn::CachedSequence> sequences;
  for (std::size_t row = 0; row < trees.size(); ++row) {
    const auto& tree = trees[row];
    if (tree.size() == 0) continue;
    const int64_t past = rows_.at(row).length();
    ids.insert(ids.end(), tree.tokens.begin(), tree.tokens.end());
    for (const int64_t depth : tree.depths()) places.push_back(past + depth);
    sequences.push_back({tree.size(), &rows_.at(row), tree_bias(tree, past, options)});
  }
  const auto logits = model_.head(hidden(ids, std::move(sequences), at::tensor(places, at::kLong))[0]);
  return logits.narrow(1, 0, ids_).to(at::kCPU, at::kFloat).contiguous();
}

void DecoderRows::keep(std::size_t row, int64_t length, const std::vector<int64_t>& nodes) {
  auto& cache = rows_.at(row);
  const auto kept = static_cast<int64_t>(nodes.size());
  if (kept == 0 || nodes.back() == kept - 1) return cache.truncate(length + kept);
  std::vector<int64_t> places;
  for (const int64_t node : nodes) places.push_back(length + node);
  cache.keep_tokens(length, at::tensor(places, at::kLong));
}

}  // namespace arzoo::language
