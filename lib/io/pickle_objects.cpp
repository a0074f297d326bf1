#include "io/pickle_objects.h"

#include <string>

namespace arzoo::io {

namespace {

/// Levels of tuples, lists and dicts in which a call's arguments are searched for tensors.
constexpr int kArgumentDepth = 3;

}  // namespace

std::string PickleOpaque::shown() const {
  constexpr std::size_t kLongest = 80;
  return in_quotes(std::string(module.substr(0, kLongest)) + "." + std::string(name.substr(0, kLongest)));
}

// Copying through the memo could make much of little: copies are paid for with the file's own length.
void PickleObjects::charge(std::uint64_t cost) {
  if (cost > budget_) wrong("repeats itself beyond its own size");
  budget_ -= cost;
}

std::uint64_t PickleObjects::expect_count(PickleRef ref, std::string_view what) {
  const auto value = expect<std::int64_t>(ref, what);
  if (value < 0) wrong(fmt::format("{} is {}, expected none below 0", what, value));
  return static_cast<std::uint64_t>(value);
}

PickleRef PickleObjects::import_global(std::string_view module, std::string_view name) {
  const auto* known = known_global(module, name);
  if (known != nullptr) return make(PickleGlobal{known});
  const PickleOpaque opaque{module, name};
  if (runs_programs(module, name)) {
    wrong(fmt::format(
        "refuses to import or call {}, expected tensors and plain containers only (save the state dict "
        "alone)",
        opaque.shown()));
  }
  return make(opaque);
}

void PickleObjects::unexpected(PickleRef ref, std::string_view what) const {
  const auto* opaque = pickle_.get_if<PickleOpaque>(ref);
  if (opaque == nullptr) wrong(fmt::format("expected {}", what));
  wrong(fmt::format("refuses to import or call {}, expected {} (save the state dict alone)", opaque->shown(),
                    what));
}

// The result of an unknown function on a tensor could be a weight, so it must not be left out silently. Three
// levels hold the arguments of all that PyTorch rebuilds tensors with (subclasses, sparse, quantised).
void PickleObjects::refuse_tensor_in(PickleRef ref, const PickleOpaque& callee, int depth) {
  charge(1);
  if (pickle_.get_if<PickleStorage>(ref) != nullptr ||
      pickle_.get_if<std::unique_ptr<const PickleTensor>>(ref) != nullptr) {
    wrong(
        fmt::format("refuses to import or call {}, which computes with a tensor (save the state dict "
                    "alone)",
                    callee.shown()));
  }
  if (depth == 0) return;
  if (const auto* sequence = pickle_.get_if<PickleSequence>(ref)) {
    for (const auto item : sequence->items) refuse_tensor_in(item, callee, depth - 1);
  } else if (const auto* dict = pickle_.get_if<PickleDict>(ref)) {
    for (const auto& item : dict->items) refuse_tensor_in(item.second, callee, depth - 1);
  }
}

PickleRef PickleObjects::construct(PickleRef callee, PickleRef arguments, PickleRef keywords) {
  if (!is_opaque(callee)) wrong("arguments with names, which no tensor file needs");
  refuse_tensor_in(keywords, *pickle_.get_if<PickleOpaque>(callee), kArgumentDepth);
  return construct(callee, arguments);
}

PickleRef PickleObjects::construct(PickleRef callee, PickleRef argument_tuple) {
  if (const auto* opaque = pickle_.get_if<PickleOpaque>(callee)) {
    refuse_tensor_in(argument_tuple, *opaque, kArgumentDepth);
    return make(PickleOpaque(*opaque));
  }
  const auto& global = *expect<PickleGlobal>(callee, "a name to call").global;
  const auto& arguments = expect<PickleSequence>(argument_tuple, "a tuple of arguments").items;
  const auto expect_arguments = [&](std::size_t at_least, std::size_t at_most) {
    if (arguments.size() < at_least || arguments.size() > at_most) {
      wrong(fmt::format("{} arguments of {}.{}", arguments.size(), global.module, global.name));
    }
  };
  switch (global.role) {
    case GlobalRole::ordered_dict:
      expect_arguments(0, 1);
      return ordered_dict(arguments);
    case GlobalRole::name_space:
      expect_arguments(0, 0);
      return make(PickleDict{{}, true});
    case GlobalRole::rebuild_tensor:
      expect_arguments(4, 7);
      return tensor(arguments, std::nullopt);
    case GlobalRole::rebuild_tensor_v3: {
      expect_arguments(7, 8);
      const auto& dtype = *expect<PickleGlobal>(arguments[6], "a dtype").global;
      if (dtype.role != GlobalRole::dtype) wrong("expected a dtype");
      return tensor(arguments, dtype.dtype);
    }
    case GlobalRole::rebuild_parameter:
      expect_arguments(1, 4);
      expect<std::unique_ptr<const PickleTensor>>(arguments[0], "a tensor as parameter");
      return arguments[0];
    case GlobalRole::size:
      expect_arguments(1, 1);
      expect<PickleSequence>(arguments[0], "the dimensions of a torch.Size");
      return arguments[0];
    case GlobalRole::inert:
      return make(PickleInert{global.name, argument_tuple, {}});
    case GlobalRole::storage:
    case GlobalRole::dtype:
      break;
  }
  wrong(fmt::format("refuses to call \"{}.{}\"", global.module, global.name));
}

// Without arguments, or with the list of [key, value] pairs that Python 2 wrote.
PickleRef PickleObjects::ordered_dict(const Refs& arguments) {
  PickleDict dict;
  if (!arguments.empty()) {
    const auto& pairs = expect<PickleSequence>(arguments[0], "the items of an OrderedDict").items;
    charge(pairs.size());
    for (const auto ref : pairs) {
      const auto& pair = expect<PickleSequence>(ref, "an item of an OrderedDict").items;
      if (pair.size() != 2) wrong("an item of an OrderedDict is not a key and a value");
      dict.items.emplace_back(pair[0], pair[1]);
    }
  }
  return make(std::move(dict));
}

PickleRef PickleObjects::tensor(const Refs& arguments, std::optional<DType> dtype) {
  const auto& storage = expect<PickleStorage>(arguments[0], "a tensor's storage");
  charge_memory(2 * sizeof(PickleTensor));
  auto tensor = std::make_unique<PickleTensor>();
  tensor->storage = arguments[0];
  tensor->dtype = dtype.value_or(storage.dtype);
  tensor->offset = expect_count(arguments[1], "a tensor's offset");
  tensor->shape = dimensions(arguments[2], "a tensor's shape");
  tensor->strides = dimensions(arguments[3], "a tensor's strides");
  if (tensor->strides.size() != tensor->shape.size()) {
    wrong(fmt::format("{} strides for the shape {}", tensor->strides.size(), shown(tensor->shape)));
  }
  return make(std::unique_ptr<const PickleTensor>(std::move(tensor)));
}

std::vector<std::int64_t> PickleObjects::dimensions(PickleRef ref, std::string_view what) {
  const auto& items = expect<PickleSequence>(ref, what).items;
  if (items.size() > kMaxRank) wrong(fmt::format("{} has more than {} dimensions", what, kMaxRank));
  charge(items.size());
  std::vector<std::int64_t> numbers;
  numbers.reserve(items.size());
  for (const auto item : items) numbers.push_back(static_cast<std::int64_t>(expect_count(item, what)));
  return numbers;
}

// The attributes of an OrderedDict (the "_metadata" of a state dict) say nothing about tensors.
void PickleObjects::set_state(PickleRef object, PickleRef state) {
  if (is_opaque(object)) return;
  if (auto* inert = std::get_if<PickleInert>(&pickle_.values[object])) {
    inert->state = state;
    return;
  }
  auto* dict = std::get_if<PickleDict>(&pickle_.values[object]);
  if (dict == nullptr) wrong("attributes for something that has none");
  if (!dict->is_namespace) return;
  const auto& attributes = expect<PickleDict>(state, "the attributes of a Namespace").items;
  charge(attributes.size());
  // A copy first: a hostile file makes an object its own state.
  const auto copy = attributes;
  dict->items.insert(dict->items.end(), copy.begin(), copy.end());
}

// ('storage', type, key, location, elements), in the legacy format with a sixth that is None.
PickleRef PickleObjects::storage(PickleRef id) {
  const auto& parts = expect<PickleSequence>(id, "a storage's description").items;
  if (parts.size() < 5 || parts.size() > 6 ||
      expect<PickleText>(parts[0], "the word storage").text != "storage") {
    wrong("a persistent value that is not a storage");
  }
  if (parts.size() == 6 && pickle_.get_if<PickleNone>(parts[5]) == nullptr) {
    wrong("a view of a storage, as PyTorch before 0.4 wrote them (save the file again with a newer PyTorch)");
  }
  const auto& type = *expect<PickleGlobal>(parts[1], "a storage's type").global;
  if (type.role != GlobalRole::storage) wrong("expected a storage's type");
  return make(PickleStorage{type.dtype, expect<PickleText>(parts[2], "a storage's key").text,
                            expect_count(parts[4], "a storage's size")});
}

}  // namespace arzoo::io
