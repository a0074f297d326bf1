#include "nn/kv_cache.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>

namespace arzoo::nn {
namespace {

/// Storage for `capacity` tokens that begins with the first `length` of `kept`, which may be undefined.
at::Tensor enlarged(const at::Tensor& kept, int64_t length, int64_t capacity, at::IntArrayRef like,
                    const at::TensorOptions& options) {
  auto sizes = like.vec();
  sizes[2] = capacity;
  auto storage = at::empty(sizes, options);
  if (kept.defined()) storage.narrow(2, 0, length).copy_(kept.narrow(2, 0, length));
  return storage;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> KvCache::append(const at::Tensor& k, const at::Tensor& v) {
  const auto [keys, values] = extend(k.sizes(), k.options());
  keys.copy_(k);
  values.copy_(v);
  return first(length_);
}

std::pair<at::Tensor, at::Tensor> KvCache::extend(at::IntArrayRef sizes, const at::TensorOptions& options) {
  const int64_t tokens = sizes[2], needed = length_ + tokens;
  if (!keys_.defined() || needed > keys_.size(2)) {
    capacity_ = std::max(needed, keys_.defined() ? 2 * capacity_ : capacity_);
    zeroed_ = nullptr;
    keys_ = enlarged(keys_, length_, capacity_, sizes, options);
    values_ = enlarged(values_, length_, capacity_, sizes, options);
  }
  length_ = needed;
  return {keys_.narrow(2, needed - tokens, tokens), values_.narrow(2, needed - tokens, tokens)};
}

const void* KvCache::reserve_token() {
  if (!keys_.defined()) throw std::logic_error("a cache that is empty has no storage yet");
  if (length_ == keys_.size(2)) {
    capacity_ = 2 * keys_.size(2);
    keys_ = enlarged(keys_, length_, capacity_, keys_.sizes(), keys_.options());
    values_ = enlarged(values_, length_, capacity_, values_.sizes(), values_.options());
  }
  if (zeroed_ != keys_.data_ptr()) {
    // Masked scores of what was never written must not be NaN.
    for (const auto& storage : {keys_, values_})
      storage.narrow(2, length_, storage.size(2) - length_).zero_();
    zeroed_ = keys_.data_ptr();
  }
  return zeroed_;
}

std::pair<at::Tensor, at::Tensor> KvCache::append_at(const at::Tensor& k, const at::Tensor& v,
                                                     const at::Tensor& place) {
  keys_.index_copy_(2, place, k);
  values_.index_copy_(2, place, v);
  return {keys_, values_};
}

std::pair<at::Tensor, at::Tensor> KvCache::first(int64_t tokens) const {
  return {keys_.narrow(2, 0, tokens), values_.narrow(2, 0, tokens)};
}

void KvCache::truncate(int64_t length) {
  if (length < 0 || length > length_) throw std::logic_error("a cache is truncated to what it holds");
  length_ = length;
}

void KvCache::keep_tokens(int64_t length, const at::Tensor& places) {
  const int64_t kept = places.numel();
  if (length < 0 || length > length_ || kept > length_ - length)
    throw std::logic_error("a cache keeps tokens that it holds");
  if (kept > 0) {
    for (const auto& storage : {keys_, values_})
      storage.narrow(2, length, kept).copy_(storage.index_select(2, places.to(storage.device())));
  }
  length_ = length + kept;
}

void KvCache::select_rows(const at::Tensor& rows) {
  if (!keys_.defined()) return;
  zeroed_ = nullptr;  // other storage may lie at the same address
  for (auto* storage : {&keys_, &values_}) {
    const auto chosen = storage->narrow(2, 0, length_).index_select(0, rows);
    *storage = enlarged(chosen, length_, storage->size(2), chosen.sizes(), chosen.options());
  }
}

}  // namespace arzoo::nn
