#include "nn/packed_sequences.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::nn {

PackedSequences::PackedSequences(const at::Tensor& mask)
    : rows_(mask.size(0)), length_(mask.size(1)), places_(mask.flatten().ne(0).nonzero().squeeze(1)) {
  const auto lengths = mask.ne(0).sum(1).cpu();
  for (int64_t row = 0; row < rows_; ++row) ends_.push_back(ends_.back() + lengths[row].item<int64_t>());
}

PackedSequences::PackedSequences(const std::vector<int64_t>& lengths)
    : rows_(static_cast<int64_t>(lengths.size())),
      length_(lengths.empty() ? 1 : std::max<int64_t>(1, *std::max_element(lengths.begin(), lengths.end()))) {
  std::vector<at::Tensor> places{at::empty({0}, at::kLong)};
  for (int64_t row = 0; row < rows_; ++row) {
    const auto length = lengths[static_cast<std::size_t>(row)];
    places.push_back(at::arange(row * length_, row * length_ + length, at::kLong));
    ends_.push_back(ends_.back() + length);
  }
  places_ = at::cat(places);
}

at::Tensor PackedSequences::boundaries() const { return at::tensor(ends_, at::kLong).to(places_.device()); }

at::Tensor PackedSequences::pack(const at::Tensor& x) const {
  return x.flatten(0, 1).index_select(0, places_);
}

at::Tensor PackedSequences::unpack(const at::Tensor& x) const {
  auto sizes = x.sizes().vec();
  sizes[0] = rows_ * length_;
  return at::zeros(sizes, x.options()).index_copy(0, places_, x).unflatten(0, {rows_, length_});
}

template <class One>
at::Tensor PackedSequences::each(const at::Tensor& x, const One& one) const {
  std::vector<at::Tensor> of;
  for (int64_t i = 0; i < sequences(); ++i)
    of.push_back(length(i) > 0 ? one(x.narrow(0, begin(i), length(i)))
                               : at::zeros({1, x.size(1)}, x.options()));
  return at::cat(of);
}

at::Tensor PackedSequences::first(const at::Tensor& x) const {
  return each(x, [](const at::Tensor& tokens) { return tokens.narrow(0, 0, 1); });
}

at::Tensor PackedSequences::mean(const at::Tensor& x) const {
  return each(x, [](const at::Tensor& tokens) { return tokens.mean(0, /*keepdim=*/true); });
}

at::Tensor packed_attention(const QkvHeads& heads, const PackedSequences& sequences,
                            const kernels::AttentionMode& mode) {
  std::vector<at::Tensor> mixed;
  for (int64_t i = 0, count = 1; i < sequences.sequences(); i += count) {
    const int64_t length = sequences.length(i);
    for (count = 1; i + count < sequences.sequences() && sequences.length(i + count) == length;) ++count;
    if (length == 0) continue;
    // [1, H, count * T, E] as [count, H, T, E].
    const auto apart = [&](const at::Tensor& x) {
      return x.narrow(2, sequences.begin(i), count * length).unflatten(2, {count, length})[0].transpose(0, 1);
    };
    const auto own = kernels::attention(apart(heads.q), apart(heads.k), apart(heads.v), mode);
    mixed.push_back(own.transpose(0, 1).flatten(1, 2).unsqueeze(0));
  }
  return mixed.empty() ? heads.v : mixed.size() == 1 ? mixed[0] : at::cat(mixed, 2);
}

namespace {

/// Of the queries of one generation, with all its keys and values.
at::Tensor cached_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& bias) {
  const int64_t groups = k.size(1), times = q.size(1) / groups;
  // One query sees every key: the heads of its group are the queries, and the cache is read where it lies.
  if (times > 1 && q.size(2) == 1 && !bias.defined())
    return kernels::attention(q.reshape({q.size(0), groups, times, q.size(3)}), k, v).reshape(q.sizes());
  return kernels::attention(q, repeat_heads(k, times), repeat_heads(v, times),
                            {.causal = !bias.defined(), .bias = bias});
}

}  // namespace

DecoderPass packed_pass(std::vector<CachedSequence> sequences, const at::Tensor& position_ids) {
  DecoderPass pass;
  pass.position_ids = position_ids;
  if (!position_ids.defined()) {
    std::vector<at::Tensor> places;
    for (const auto& one : sequences) {
      const int64_t past = one.cache->length();
      places.push_back(at::arange(past, past + one.tokens, at::kLong));
    }
    pass.position_ids = at::cat(places);
  }
  pass.mix = [sequences = std::move(sequences)](std::size_t layer, const QkvHeads& heads, const at::Tensor&) {
    std::vector<at::Tensor> mixed;
    int64_t begin = 0;
    for (const auto& one : sequences) {
      const auto own = [&](const at::Tensor& x) { return x.narrow(2, begin, one.tokens); };
      const auto [keys, values] = one.cache->layers.at(layer).append(own(heads.k), own(heads.v));
      mixed.push_back(cached_attention(own(heads.q), keys, values, one.bias));
      begin += one.tokens;
    }
    return mixed.size() == 1 ? mixed[0] : at::cat(mixed, 2);
  };
  return pass;
}

}  // namespace arzoo::nn
