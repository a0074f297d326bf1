#include "io/pickle_globals.h"

#include <algorithm>
#include <iterator>

namespace arzoo::io {

namespace {

using Role = GlobalRole;

constexpr KnownGlobal kKnown[] = {
    {"collections", "OrderedDict", Role::ordered_dict},
    {"argparse", "Namespace", Role::name_space},
    {"torch._utils", "_rebuild_tensor_v2", Role::rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v3", Role::rebuild_tensor_v3},
    {"torch._utils", "_rebuild_parameter", Role::rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", Role::rebuild_parameter},
    {"torch", "Size", Role::size},
    {"torch", "DoubleStorage", Role::storage, DType::f64},
    {"torch", "FloatStorage", Role::storage, DType::f32},
    {"torch", "HalfStorage", Role::storage, DType::f16},
    {"torch", "BFloat16Storage", Role::storage, DType::bf16},
    {"torch", "LongStorage", Role::storage, DType::i64},
    {"torch", "IntStorage", Role::storage, DType::i32},
    {"torch", "ShortStorage", Role::storage, DType::i16},
    {"torch", "CharStorage", Role::storage, DType::i8},
    {"torch", "ByteStorage", Role::storage, DType::u8},
    {"torch", "BoolStorage", Role::storage, DType::boolean},
    {"torch", "ComplexFloatStorage", Role::storage, DType::c64},
    {"torch.storage", "UntypedStorage", Role::storage, DType::u8},
    {"torch.storage", "TypedStorage", Role::storage, DType::u8},
    {"torch", "float64", Role::dtype, DType::f64},
    {"torch", "double", Role::dtype, DType::f64},
    {"torch", "float32", Role::dtype, DType::f32},
    {"torch", "float", Role::dtype, DType::f32},
    {"torch", "float16", Role::dtype, DType::f16},
    {"torch", "half", Role::dtype, DType::f16},
    {"torch", "bfloat16", Role::dtype, DType::bf16},
    {"torch", "int64", Role::dtype, DType::i64},
    {"torch", "long", Role::dtype, DType::i64},
    {"torch", "int32", Role::dtype, DType::i32},
    {"torch", "int", Role::dtype, DType::i32},
    {"torch", "int16", Role::dtype, DType::i16},
    {"torch", "short", Role::dtype, DType::i16},
    {"torch", "int8", Role::dtype, DType::i8},
    {"torch", "uint8", Role::dtype, DType::u8},
    {"torch", "bool", Role::dtype, DType::boolean},
    {"torch", "uint16", Role::dtype, DType::u16},
    {"torch", "uint32", Role::dtype, DType::u32},
    {"torch", "uint64", Role::dtype, DType::u64},
    {"torch", "complex64", Role::dtype, DType::c64},
    {"torch", "float8_e4m3fn", Role::dtype, DType::f8_e4m3},
    {"torch", "float8_e5m2", Role::dtype, DType::f8_e5m2},
    {"torch", "device", Role::inert},
    {"torch.serialization", "_get_layout", Role::inert},
    {"numpy", "dtype", Role::inert},
    {"numpy.core.multiarray", "scalar", Role::inert},
    {"numpy._core.multiarray", "scalar", Role::inert},
    {"numpy", "ndarray", Role::inert},
    {"numpy.core.multiarray", "_reconstruct", Role::inert},
    {"numpy._core.multiarray", "_reconstruct", Role::inert},
    {"_codecs", "encode", Role::inert},
};

/// Modules that start programs, open files and sockets, or load and run code.
constexpr std::string_view kPrograms[] = {"os",         "posix",  "nt",      "sys",      "subprocess",
                                          "pty",        "ctypes", "shutil",  "socket",   "importlib",
                                          "runpy",      "pickle", "marshal", "timeit",   "operator",
                                          "webbrowser", "codecs", "codeop",  "linecache"};
constexpr std::string_view kLoaders[] = {"torch.load", "torch.hub.load",     "torch.jit.load",
                                         "numpy.load", "types.FunctionType", "types.CodeType"};

/// The types of plain values and the functions that pickles look members up with: those of the interpreter's
/// names that occur in ordinary files.
constexpr std::string_view kPlainBuiltins[] = {
    "set",  "frozenset", "complex", "range", "slice", "bytearray", "bytes", "object", "list",
    "dict", "tuple",     "int",     "float", "str",   "bool",      "type",  "getattr"};

bool is_among(std::string_view name, const auto& names) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// Whether one of the dotted parts of a path is a module that runs programs.
bool leads_to_programs(std::string_view path) {
  for (;;) {
    const auto dot = path.find('.');
    if (is_among(path.substr(0, dot), kPrograms)) return true;
    if (dot == path.npos) return false;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

bool runs_programs(std::string_view module, std::string_view name) {
  if (module == "builtins" || module == "__builtin__") return !is_among(name, kPlainBuiltins);
  const auto is_loader = [&](std::string_view loader) {
    return loader.size() == module.size() + 1 + name.size() && loader.starts_with(module) &&
           loader.ends_with(name);
  };
  return leads_to_programs(module) || leads_to_programs(name) ||
         std::any_of(std::begin(kLoaders), std::end(kLoaders), is_loader);
}

const KnownGlobal* known_global(std::string_view module, std::string_view name) {
  const auto* found = std::find_if(std::begin(kKnown), std::end(kKnown), [&](const KnownGlobal& known) {
    return known.module == module && known.name == name;
  });
  return found == std::end(kKnown) ? nullptr : found;
}

}  // namespace arzoo::io
