#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"
#include "core/pickle_globals.h"
#include "core/pickle_machine.h"

namespace arzoo {

/// Makes the values of a pickle, and what the calls in it would have returned. Used by the pickle machine
/// alone. All functions throw CheckpointError when the arguments are not those that torch.save writes.
class PickleObjects {
 public:
  /// `reader` tells where an error is; `budget` bounds the copies that a file may ask for.
  PickleObjects(const ByteReader<CheckpointError>& reader, std::uint64_t budget)
      : reader_(reader), budget_(budget) {}

  [[noreturn]] void wrong(std::string_view what) const {
    fail<CheckpointError>("{}: pickle, byte {}: {}", reader_.where(), reader_.position(), what);
  }

  PickleRef make(PickleValue value) {
    pickle_.values.push_back(std::move(value));
    return static_cast<PickleRef>(pickle_.values.size() - 1);
  }

  /// The value as a T; `what` says what was expected.
  template <class T>
  T& expect(PickleRef ref, std::string_view what) {
    auto* value = std::get_if<T>(&pickle_.values[ref]);
    if (value == nullptr) wrong(fmt::format("expected {}", what));
    return *value;
  }

  /// The name as a value, if it is a known one.
  PickleRef import_global(std::string_view module, std::string_view name);
  /// callee(*arguments)
  PickleRef construct(PickleRef callee, PickleRef arguments);
  /// Gives an object its attributes.
  void set_state(PickleRef object, PickleRef state);
  /// The storage that a persistent id describes.
  PickleRef storage(PickleRef id);

  Pickle release() { return std::move(pickle_); }

 private:
  using Refs = std::vector<PickleRef>;

  void charge(std::uint64_t cost);
  std::uint64_t expect_count(PickleRef ref, std::string_view what);
  PickleRef ordered_dict(const Refs& arguments);
  PickleRef tensor(const Refs& arguments, std::optional<DType> dtype);
  std::vector<std::int64_t> dimensions(PickleRef ref, std::string_view what);

  const ByteReader<CheckpointError>& reader_;
  std::uint64_t budget_;
  Pickle pickle_;
};

}  // namespace arzoo
