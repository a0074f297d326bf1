#include "image/llamagen_target.h"

#include <torch/torch.h>

namespace arzoo::image {
namespace {

bool is_chain(const nn::DraftTree& tree) {
  for (int64_t node = 0; node < tree.size(); ++node) {
    if (tree.parents[static_cast<std::size_t>(node)] != node - 1) return false;
  }
  return true;
}

}  // namespace

at::Tensor LlamaGenTarget::read(const nn::DraftTree& tree) {
  const auto ids = at::tensor(tree.tokens, at::kLong).unsqueeze(0).to(stream_.device());
  const bool plain = is_chain(tree) && stream_.length() + tree.size() <= length_;
  const auto logits = plain ? stream_.read(ids) : stream_.read_tree(ids, tree.parents);
  return logits.select(0, 0).cpu().contiguous();
}

}  // namespace arzoo::image
