#include "nn/packed_sequences.h"

#include <torch/torch.h>

#include "kernels/attention.h"

namespace arzoo::nn {

PackedSequences::PackedSequences(const at::Tensor& mask)
    : rows_(mask.size(0)), length_(mask.size(1)), places_(mask.flatten().ne(0).nonzero().squeeze(1)), ends_{0} {
  const auto lengths = mask.ne(0).sum(1).cpu();
  for (int64_t row = 0; row < rows_; ++row) ends_.push_back(ends_.back() + lengths[row].item<int64_t>());
}

at::Tensor PackedSequences::boundaries() const { return at::tensor(ends_, at::kLong).to(places_.device()); }

at::Tensor PackedSequences::pack(const at::Tensor& x) const { return x.flatten(0, 1).index_select(0, places_); }

at::Tensor PackedSequences::unpack(const at::Tensor& x) const {
  auto sizes = x.sizes().vec();
  sizes[0] = rows_ * length_;
  return at::zeros(sizes, x.options()).index_copy(0, places_, x).unflatten(0, {rows_, length_});
}

at::Tensor PackedSequences::mean(const at::Tensor& x) const {
  std::vector<at::Tensor> means;
  for (int64_t i = 0; i < sequences(); ++i) {
    means.push_back(end(i) > begin(i) ? x.narrow(0, begin(i), end(i) - begin(i)).mean(0)
                                      : at::zeros({x.size(1)}, x.options()));
  }
  return at::stack(means);
}

at::Tensor packed_attention(const QkvHeads& heads, const PackedSequences& sequences) {
  std::vector<at::Tensor> mixed;
  for (int64_t i = 0; i < sequences.sequences(); ++i) {
    const int64_t begin = sequences.begin(i), length = sequences.end(i) - begin;
    if (length == 0) continue;
    mixed.push_back(kernels::attention(heads.q.narrow(2, begin, length), heads.k.narrow(2, begin, length),
                                       heads.v.narrow(2, begin, length)));
  }
  return mixed.empty() ? heads.v : at::cat(mixed, 2);
}

}  // namespace arzoo::nn
