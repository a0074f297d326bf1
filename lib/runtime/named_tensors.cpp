#include "runtime/named_tensors.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "core/bytes.h"
#include "core/closest.h"
#include "core/error.h"
#include "io/stored_tensor.h"
#include "io/tensor_files.h"
#include "runtime/derived_tables.h"
#include "runtime/mapped_tensor.h"
#include "runtime/other_names.h"
#include "runtime/tensor_digests.h"

namespace arzoo::runtime {

namespace {

/// Calls visit(name, tensor) for all that state_dict lists, with the module's tensors themselves.
template <class Visit>
void for_each_tensor(const torch::nn::Module& module, const std::string& prefix, const Visit& visit) {
  for (const auto& parameter : module.named_parameters(/*recurse=*/false))
    visit(prefix + parameter.key(), parameter.value());
  for (const auto& buffer : module.named_buffers(/*recurse=*/false))
    visit(prefix + buffer.key(), buffer.value());
  for (const auto& child : module.named_children())
    for_each_tensor(*child.value(), prefix + child.key() + ".", visit);
}

/// "2 missing (a, b)"; at most eight are named.
std::string counted(std::string_view what, const std::vector<std::string>& items) {
  constexpr std::size_t kMost = 8;
  const std::vector<std::string> first(items.begin(), items.begin() + std::min(items.size(), kMost));
  return fmt::format("{} {} ({}{})", items.size(), what, fmt::join(first, ", "),
                     items.size() > kMost ? ", …" : "");
}

/// A complex tensor as the real one, with real and imaginary part last, that a module keeps in its place.
at::Tensor as_kept(const at::Tensor& source, const at::Tensor& target) {
  const bool pairs = target.is_floating_point() && target.dim() == source.dim() + 1 && target.size(-1) == 2;
  return source.is_complex() && pairs ? at::view_as_real(source.resolve_conj()) : source;
}

bool convertible(const at::Tensor& from, const at::Tensor& to) {
  return from.scalar_type() == to.scalar_type() || (from.is_floating_point() && to.is_floating_point());
}

/// What a tensor is to its layer: "weight" of "head.weight"; empty for names that are none of these.
std::string_view role_of(std::string_view name) {
  constexpr std::string_view kRoles[] = {"weight", "bias", "running_mean", "running_var"};
  const auto last = name.substr(name.rfind('.') + 1);
  return std::find(std::begin(kRoles), std::end(kRoles), last) == std::end(kRoles) ? std::string_view()
                                                                                   : last;
}

/// The name that was probably meant. A layer's bias is never what is left of its weight's name.
std::optional<std::string> nearest(std::string_view name, std::vector<std::string> known) {
  const auto role = role_of(name);
  std::erase_if(known, [&](const std::string& other) {
    return !role.empty() && !role_of(other).empty() && role_of(other) != role;
  });
  return closest(name, known);
}

class Comparison {
 public:
  /// wanted: the module's tensors.
  Comparison(const torch::nn::Module& module, const NamedTensors& wanted, const NamedTensors& given,
             const IgnoredName& ignored) {
    const auto means_nothing = [&](const std::string& name, const at::Tensor& tensor) {
      return (ignored && ignored(name)) || is_derived_table(name, tensor);
    };
    for (const auto& [name, tensor] : given) {
      if (!wanted.contains(name) && !means_nothing(name, tensor)) foreign_.push_back(name);
    }
    const auto buffers = module.named_buffers();
    for (const auto& [name, target] : wanted) {
      const auto* found = given.find(name);
      const bool is_computed = found == nullptr && buffers.contains(name) && is_derived_table(name, target);
      const bool optional = is_computed || (ignored && ignored(name));
      const auto source = found != nullptr ? as_kept(*found, target) : at::Tensor();
      if (found != nullptr && source.sizes() == target.sizes() && convertible(source, target)) {
        copies_.emplace_back(target, source);
      } else if (!optional) {
        report(name, target, found);
      }
    }
  }

  void require_match(std::string_view where) const {
    std::vector<std::string> faults;
    if (!missing_.empty()) faults.push_back(counted("missing", with_nearest()));
    if (!foreign_.empty()) faults.push_back(counted("unknown", in_quotes_each(foreign_)));
    if (!misshapen_.empty()) faults.push_back(counted("misshapen", misshapen_));
    if (!mistyped_.empty()) faults.push_back(counted("mistyped", mistyped_));
    if (!faults.empty())
      fail<CheckpointError>("{}: does not fit the model: {}", where, fmt::join(faults, "; "));
  }

  void copy() const {
    const at::NoGradGuard no_grad;
    for (const auto& [target, source] : copies_) target.copy_(source);
  }

  void take(at::ScalarType dtype) const {
    const at::NoGradGuard no_grad;
    for (const auto& [target, source] : copies_)
      target.set_data(source.to(target.is_floating_point() ? dtype : target.scalar_type()).contiguous());
  }

 private:
  void report(const std::string& name, const at::Tensor& target, const at::Tensor* source) {
    if (source == nullptr) {
      missing_.push_back(name);
    } else if (source->sizes() != target.sizes()) {
      misshapen_.push_back(fmt::format("{} is {}, expected {}", in_quotes(name), io::shown(source->sizes()),
                                       io::shown(target.sizes())));
    } else {
      mistyped_.push_back(fmt::format("{} is {}, expected {}", in_quotes(name),
                                      c10::toString(source->scalar_type()),
                                      c10::toString(target.scalar_type())));
    }
  }

  static std::vector<std::string> in_quotes_each(const std::vector<std::string>& names) {
    std::vector<std::string> quoted;
    for (const auto& name : names) quoted.push_back(in_quotes(name));
    return quoted;
  }

  /// The missing names, the first few of them with the foreign name that was probably meant.
  std::vector<std::string> with_nearest() const {
    constexpr std::size_t kShown = 8;
    auto quoted = in_quotes_each(missing_);
    for (std::size_t i = 0; i < std::min(quoted.size(), kShown); ++i) {
      if (const auto near = nearest(missing_[i], foreign_))
        quoted[i] += fmt::format(" — is it {}?", in_quotes(*near));
    }
    return quoted;
  }

  std::vector<std::string> missing_, foreign_, misshapen_, mistyped_;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies_;  ///< target, source
};

}  // namespace
void NamedTensors::add(std::string name, at::Tensor tensor) {
  if (!index_.emplace(name, entries_.size()).second) {
    fail<CheckpointError>("{}: {} stands twice", where_, in_quotes(name));
  }
  entries_.emplace_back(std::move(name), std::move(tensor));
}

const at::Tensor* NamedTensors::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const at::Tensor& NamedTensors::at(std::string_view name) const {
  if (const auto* tensor = find(name)) return *tensor;
  const auto near = nearest(name, names());
  fail<CheckpointError>("{}: no tensor {}{}", where_, in_quotes(name),
                        near ? fmt::format(" (did you mean {}?)", in_quotes(*near)) : "");
}

std::vector<std::string> NamedTensors::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& entry : entries_) names.push_back(entry.first);
  return names;
}

NamedTensors open_tensors(const std::filesystem::path& path, std::string_view state_dict) {
  NamedTensors tensors(path.string());
  const auto files = io::open_tensor_files(path, state_dict);
  for (const auto& file : files) {
    const TensorDigests digests(file);
    for (const auto& stored : file.tensors) digests.check(file, stored);
    auto mapped = mapped_tensors(file);
    for (std::size_t i = 0; i < mapped.size(); ++i) tensors.add(file.tensors[i].name, std::move(mapped[i]));
  }
  tensors.metadata = io::joined_metadata(files);
  if (files.size() == 1) tensors.dict = files.front().state_dict;
  return tensors;
}

NamedTensors state_dict(const torch::nn::Module& module) {
  NamedTensors tensors("model");
  for_each_tensor(module, "", [&](std::string name, const at::Tensor& tensor) {
    tensors.add(std::move(name), tensor.detach());
  });
  return tensors;
}

void load_strictly(torch::nn::Module& module, const NamedTensors& tensors, std::string_view where,
                   const IgnoredName& ignored) {
  const Comparison comparison(module, state_dict(module), in_names_of(module, tensors), ignored);
  comparison.require_match(where);
  comparison.copy();
}

TableDifferences table_differences(const torch::nn::Module& module, const NamedTensors& tensors) {
  const auto wanted = state_dict(module), given = in_names_of(module, tensors);
  TableDifferences differences;
  for (const auto& [name, tensor] : wanted) {
    if (!given.contains(name) && is_derived_table(name, tensor)) differences.missing.push_back(name);
  }
  for (const auto& [name, tensor] : given) {
    if (!wanted.contains(name) && is_derived_table(name, tensor)) differences.foreign.push_back(name);
  }
  return differences;
}

void take_strictly(torch::nn::Module& module, const NamedTensors& tensors, at::ScalarType dtype,
                   std::string_view where, const IgnoredName& ignored) {
  NamedTensors own("model");
  for_each_tensor(module, "",
                  [&](std::string name, const at::Tensor& tensor) { own.add(std::move(name), tensor); });
  const Comparison comparison(module, own, in_names_of(module, tensors), ignored);
  comparison.require_match(where);
  comparison.take(dtype);
}

}  // namespace arzoo::runtime
