#include "runtime/flat_unit.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::runtime {
namespace {

/// Parameters begin at multiples of so many numbers: kernels like aligned memory.
constexpr int64_t kAlignment = 32;

int64_t rounded_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

void allocate_memory(const at::Tensor& tensor) {
  auto* memory = tensor.storage().unsafeGetStorageImpl();
  const auto bytes = static_cast<std::size_t>(tensor.numel()) * tensor.element_size();
  memory->set_data_ptr_noswap(memory->allocator()->allocate(bytes));
  memory->set_nbytes(bytes);
}

void free_memory(const at::Tensor& tensor) {
  auto* memory = tensor.storage().unsafeGetStorageImpl();
  memory->set_data_ptr_noswap(at::DataPtr(nullptr, tensor.device()));
  memory->set_nbytes(0);
}

FlatUnit::FlatUnit(const ShardUnit& unit, int64_t parts, int64_t own_index, at::ScalarType type,
                   at::ScalarType kept)
    : name(unit.name),
      trained(unit.parameters.front().tensor.requires_grad()),
      owner(unit.owner),
      index(own_index) {
  const torch::NoGradGuard no_grad;
  for (const auto& [own_name, tensor] : unit.parameters) {
    parameters.push_back({.name = own_name, .tensor = tensor, .first = length});
    length += rounded_up(tensor.numel(), kAlignment);
  }
  if (is_owned()) {
    part_length = is_own() ? length : 0;
  } else {
    length = rounded_up(length, parts);
    part_length = length / parts;
    own_first = index * part_length;
  }
  const auto options = parameters.front().tensor.options().requires_grad(false);
  own = at::zeros({part_length}, options.dtype(kept));
  whole = is_own() && type == kept ? own : at::empty({length}, options.dtype(type));
  for (auto& parameter : parameters) {
    const auto tensor = parameter.tensor.detach();
    const auto part = part_of(parameter, own);
    if (part.numel() > 0) part.copy_(part_of_tensor(parameter, tensor));  // another may never be filled here
    parameter.tensor.set_data(view_in(parameter, whole));
  }
  refresh();
  release();
}

void FlatUnit::allocate() {
  if (!is_own()) allocate_memory(whole);
}

void FlatUnit::release() {
  if (!is_own()) free_memory(whole);
}

bool FlatUnit::is_allocated() const { return storage()->nbytes() > 0; }

void FlatUnit::refresh() {
  if (is_own() && !whole.is_same(own)) whole.copy_(own);
}

std::pair<int64_t, int64_t> FlatUnit::own_range(const Parameter& parameter) const {
  const int64_t begin = std::max(parameter.first, own_first),
                end = std::min(parameter.first + parameter.tensor.numel(), own_first + part_length);
  return {begin, std::max<int64_t>(0, end - begin)};
}

at::Tensor FlatUnit::part_of(const Parameter& parameter, const at::Tensor& part) const {
  const auto [begin, count] = own_range(parameter);
  return part.narrow(0, count > 0 ? begin - own_first : 0, count);
}

at::Tensor FlatUnit::part_of_tensor(const Parameter& parameter, const at::Tensor& tensor) const {
  const auto [begin, count] = own_range(parameter);
  return tensor.reshape({-1}).narrow(0, count > 0 ? begin - parameter.first : 0, count);
}

at::Tensor FlatUnit::view_in(const Parameter& parameter, const at::Tensor& whole) {
  return whole.narrow(0, parameter.first, parameter.tensor.numel()).view(parameter.tensor.sizes());
}

}  // namespace arzoo::runtime
