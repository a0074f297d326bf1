#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"
#include "core/file_budget.h"
#include "io/pickle_globals.h"
#include "io/pickle_machine.h"

namespace arzoo::io {

/// Makes the values of a pickle, and what the calls in it would have returned. Used by the pickle machine
/// alone. All functions throw CheckpointError when the arguments are not those that torch.save writes.
class PickleObjects {
 public:
  /// `reader` tells where an error is; `copies` bounds the copies that a file may ask for, `memory` what all
  /// values take.
  PickleObjects(const ByteReader<CheckpointError>& reader, std::uint64_t copies, FileBudget& memory)
      : reader_(reader), budget_(copies), memory_(memory) {}

  [[noreturn]] void wrong(std::string_view what) const {
    fail<CheckpointError>("{}: pickle, byte {}: {}", reader_.where(), reader_.position(), what);
  }

  PickleRef make(PickleValue value) {
    charge_memory(kPerValue);
    pickle_.values.push_back(std::move(value));
    return static_cast<PickleRef>(pickle_.values.size() - 1);
  }

  void charge_memory(std::uint64_t bytes) { memory_.charge<CheckpointError>(bytes, "what its pickle lists"); }

  /// The value as a T; `what` says what was expected.
  template <class T>
  T& expect(PickleRef ref, std::string_view what) {
    auto* value = std::get_if<T>(&pickle_.values[ref]);
    if (value == nullptr) unexpected(ref, what);
    return *value;
  }

  bool is_opaque(PickleRef ref) const { return pickle_.get_if<PickleOpaque>(ref) != nullptr; }

  /// The name as a value: known, or opaque. Refuses those that run programs.
  PickleRef import_global(std::string_view module, std::string_view name);
  /// callee(*arguments)
  PickleRef construct(PickleRef callee, PickleRef arguments);
  /// callee(*arguments, **keywords)
  PickleRef construct(PickleRef callee, PickleRef arguments, PickleRef keywords);
  /// Gives an object its attributes.
  void set_state(PickleRef object, PickleRef state);
  /// The storage that a persistent id describes.
  PickleRef storage(PickleRef id);

  Pickle release() { return std::move(pickle_); }

 private:
  using Refs = std::vector<PickleRef>;
  // The value, and its place on the stack and in what it becomes a part of.
  static constexpr std::uint64_t kPerValue = sizeof(PickleValue) + 4 * sizeof(PickleRef);

  void charge(std::uint64_t cost);
  std::uint64_t expect_count(PickleRef ref, std::string_view what);
  [[noreturn]] void unexpected(PickleRef ref, std::string_view what) const;
  void refuse_tensor_in(PickleRef ref, const PickleOpaque& callee, int depth);
  PickleRef ordered_dict(const Refs& arguments);
  PickleRef tensor(const Refs& arguments, std::optional<DType> dtype);
  std::vector<std::int64_t> dimensions(PickleRef ref, std::string_view what);

  const ByteReader<CheckpointError>& reader_;
  std::uint64_t budget_;
  FileBudget& memory_;
  Pickle pickle_;
};

}  // namespace arzoo::io
