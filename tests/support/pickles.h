#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "support/zip.h"

/// Files of torch.save, written opcode by opcode.
namespace arzoo::test {

using namespace std::string_literals;

/// The opcode of a short text.
inline std::string pickled_text(const std::string& value) {
  return "\x8c"s + static_cast<char>(value.size()) + value;
}

/// Opcodes of a float tensor over storage "0" of six elements; `view` are those of offset, shape and strides.
inline std::string pickled_tensor(const std::string& view = "K\x00K\x06\x85K\x01\x85"s) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled_text("storage") + "ctorch\nFloatStorage\n" +
         pickled_text("0") + pickled_text("cpu") + "K\x06tQ" + view + "\x89}tR";
}

/// Opcodes that set a key of the dict on top of the stack.
inline std::string pickled_item(const std::string& key, const std::string& value) {
  return pickled_text(key) + value + "s";
}

/// Opcodes that call os.system(command), as pickle.dumps of an object with a hostile __reduce__ has them.
inline std::string pickled_call(const std::string& command) {
  return "cposix\nsystem\n" + pickled_text(command) + "\x85R";
}

/// A file with one pickle and one storage of `storage_bytes` bytes.
inline std::string pickled_checkpoint(const std::string& opcodes, std::size_t storage_bytes = 24) {
  return zip({{"x/data.pkl", "\x80\x02" + opcodes + "."}, {"x/data/0", std::string(storage_bytes, '\x01')}});
}

}  // namespace arzoo::test
