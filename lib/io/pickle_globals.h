#pragma once

#include <cstdint>
#include <string_view>

#include "io/stored_tensor.h"

namespace arzoo::io {

/// What the pickle machine does in place of calling a name.
enum class GlobalRole : std::uint8_t {
  ordered_dict,
  name_space,         ///< argparse.Namespace
  rebuild_tensor,     ///< (storage, offset, size, stride, …)
  rebuild_tensor_v3,  ///< the same with the dtype as seventh argument, over an untyped storage
  rebuild_parameter,  ///< (tensor, …)
  size,               ///< torch.Size
  storage,            ///< names the dtype of a storage; not callable
  dtype,              ///< a torch.dtype; not callable
  inert               ///< may be called: the result is a PickleInert
};

struct KnownGlobal {
  std::string_view module, name;
  GlobalRole role;
  DType dtype = DType::u8;  ///< of a storage or dtype
};

/// Null when the name is not one of those that torch.save writes for tensors and plain values.
const KnownGlobal* known_global(std::string_view module, std::string_view name);

/// Whether a name that is not known leads to the operating system, to other programs or to the interpreter:
/// posix.system, builtins.eval, … also through a module that imports one, torch.serialization.os. A file that
/// mentions one is an attack, whatever else it holds; other names are classes of the program that wrote the
/// file.
bool runs_programs(std::string_view module, std::string_view name);

}  // namespace arzoo::io
