#include "nn/kv_cache.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::nn {
namespace {

/// Storage for `capacity` tokens that begins with the first `length` of `kept`, which may be undefined.
at::Tensor enlarged(const at::Tensor& kept, int64_t length, int64_t capacity, const at::Tensor& like) {
  auto sizes = like.sizes().vec();
  sizes[2] = capacity;
  auto storage = at::empty(sizes, like.options());
  if (kept.defined()) storage.narrow(2, 0, length).copy_(kept.narrow(2, 0, length));
  return storage;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> KvCache::append(const at::Tensor& k, const at::Tensor& v) {
  const int64_t tokens = k.size(2), needed = length_ + tokens;
  if (!keys_.defined() || needed > keys_.size(2)) {
    capacity_ = std::max(needed, keys_.defined() ? 2 * capacity_ : capacity_);
    keys_ = enlarged(keys_, length_, capacity_, k);
    values_ = enlarged(values_, length_, capacity_, v);
  }
  keys_.narrow(2, length_, tokens).copy_(k);
  values_.narrow(2, length_, tokens).copy_(v);
  length_ = needed;
  return {keys_.narrow(2, 0, length_), values_.narrow(2, 0, length_)};
}

}  // namespace arzoo::nn
