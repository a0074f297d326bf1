#include "image/llamagen_target.h"

#include <torch/torch.h>

namespace arzoo::image {

at::Tensor LlamaGenBatch::read(const std::vector<nn::DraftTree>& trees) {
  std::vector<int64_t> last;
  for (const auto& tree : trees) last.push_back(tree.tokens.front());
  const auto ids = at::tensor(last, at::kLong).unsqueeze(1).to(stream_.device());
  return stream_.read(ids).select(1, 0).contiguous();
}

}  // namespace arzoo::image
