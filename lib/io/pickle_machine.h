#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/file_budget.h"
#include "io/stored_tensor.h"

/// A pickle as data. Python's own unpickler calls whatever a file names; this one calls nothing. It knows the
/// few names that `torch.save` writes for tensors; objects of all other classes stay opaque.
namespace arzoo::io {

/// Index of a value of one Pickle. Values refer to each other by index, so that what a file makes share or
/// contain itself costs nothing and cannot leak.
using PickleRef = std::uint32_t;

struct PickleNone {};
struct PickleText {
  std::string_view text;  ///< well-formed UTF-8
};
struct PickleBytes {
  std::string_view bytes;
};
/// A list, tuple, set or torch.Size.
struct PickleSequence {
  std::vector<PickleRef> items;
};
/// A dict, an OrderedDict, or the attributes of an argparse.Namespace, in the order of the file.
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;
  bool is_namespace = false;
};
/// One of the names that a pickle may mention; see the table in the source.
struct KnownGlobal;
struct PickleGlobal {
  const KnownGlobal* global;
};
/// A known and harmless object that is not constructed: a device, a layout, a NumPy dtype, scalar or array.
/// Its arguments and state are stored for readers that know the type.
struct PickleInert {
  std::string_view type;               ///< the name that was called
  std::optional<PickleRef> arguments;  ///< a sequence
  std::optional<PickleRef> state;
};
/// A class that is not known, or anything that the file would make with it (an OmegaConf, a path, a date):
/// neither imported nor called. What it would have been made of is not read, except that a tensor among the
/// arguments is refused.
struct PickleOpaque {
  std::string_view module, name;

  /// The class as errors show it, in quotes.
  std::string shown() const;
};
/// The memory of tensors; the container around the pickle knows where the bytes are.
struct PickleStorage {
  DType dtype;
  std::string_view key;
  std::uint64_t elements;
};
/// A view of a storage; offset and strides in elements, none negative, as many strides as dimensions. That
/// the view lies inside its storage is not yet checked.
struct PickleTensor {
  PickleRef storage;
  DType dtype;
  std::uint64_t offset;
  std::vector<std::int64_t> shape, strides;
};

using PickleValue =
    std::variant<PickleNone, bool, std::int64_t, double, PickleText, PickleBytes, PickleSequence, PickleDict,
                 PickleGlobal, PickleInert, PickleOpaque, PickleStorage, std::unique_ptr<const PickleTensor>>;

/// What one pickle holds. Text is a view into the bytes it was read from.
struct Pickle {
  std::deque<PickleValue> values;
  PickleRef root = 0;
  std::uint64_t size = 0;  ///< bytes up to and with the end mark

  const PickleValue& operator[](PickleRef ref) const { return values[ref]; }
  /// The value as a T, or null when it is something else.
  template <class T>
  const T* get_if(PickleRef ref) const {
    return std::get_if<T>(&values[ref]);
  }
};

/// The longest pickle, in bytes. Tensors lie outside; a checkpoint of 100,000 tensors has about 15 MB.
inline constexpr std::uint64_t kMaxPickle = std::uint64_t{32} << 20;

/// Reads the pickle (protocols 2 to 5) at the start of `bytes`; what follows it is left alone. Time is in
/// proportion to the pickle's size. Throws CheckpointError naming `where`, also for a name that runs programs
/// (runs_programs), for a tensor that depends on a class that is not known, and when the pickle is too much
/// for the budget of its file.
Pickle read_pickle(std::string_view bytes, std::string_view where, FileBudget& budget);
/// The same for a file that is a pickle and nothing else.
Pickle read_pickle(std::string_view bytes, std::string_view where);

}  // namespace arzoo::io
