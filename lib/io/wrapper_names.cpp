#include "io/wrapper_names.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace arzoo::io {

namespace {

constexpr std::string_view kCompiled = "_orig_mod.", kParallel = "module.";

/// "_orig_mod.a._orig_mod.b" → "a.b"
std::string without_compiled(std::string_view name) {
  std::string left;
  while (!name.empty()) {
    if (name.starts_with(kCompiled)) {
      name.remove_prefix(kCompiled.size());
      continue;
    }
    const auto part = name.substr(0, std::min(name.find('.'), name.size() - 1) + 1);
    left += part;
    name.remove_prefix(part.size());
  }
  return left;
}

}  // namespace

void strip_wrappers(std::vector<StoredTensor>& tensors) {
  for (auto& tensor : tensors) {
    if (tensor.name.find(kCompiled) != std::string::npos) tensor.name = without_compiled(tensor.name);
  }
  // Each wraps the other in either order: a compiled model may be parallel, a parallel one compiled.
  const auto is_parallel = [](const StoredTensor& tensor) { return tensor.name.starts_with(kParallel); };
  if (tensors.empty() || !std::all_of(tensors.begin(), tensors.end(), is_parallel)) return;
  for (auto& tensor : tensors) tensor.name.erase(0, kParallel.size());
}

}  // namespace arzoo::io
