#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes.h"

/// Files of torch.save, written opcode by opcode.
namespace arzoo::test {

using namespace std::string_literals;

/// A zip archive of stored records.
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& records,
                       std::uint16_t method = 0) {
  std::string bytes, directory;
  for (const auto& record : records) {
    const auto& name = record.first;
    const auto& content = record.second;
    const auto sizes = [&](std::string& out) {
      append_little(out, std::uint32_t{0});  // checksum
      append_little(out, static_cast<std::uint32_t>(content.size()));
      append_little(out, static_cast<std::uint32_t>(content.size()));
      append_little(out, static_cast<std::uint16_t>(name.size()));
      append_little(out, std::uint16_t{0});  // extra
    };
    directory += "PK\x01\x02" + std::string(6, '\0');
    append_little(directory, method);
    directory += std::string(4, '\0');
    sizes(directory);
    directory += std::string(10, '\0');
    append_little(directory, static_cast<std::uint32_t>(bytes.size()));
    directory += name;
    bytes += "PK\x03\x04" + std::string(4, '\0');
    append_little(bytes, method);
    bytes += std::string(4, '\0');
    sizes(bytes);
    bytes += name + content;
  }
  const auto offset = static_cast<std::uint32_t>(bytes.size());
  bytes += directory + "PK\x05\x06" + std::string(4, '\0');
  append_little(bytes, static_cast<std::uint16_t>(records.size()));
  append_little(bytes, static_cast<std::uint16_t>(records.size()));
  append_little(bytes, static_cast<std::uint32_t>(directory.size()));
  append_little(bytes, offset);
  return bytes + std::string(2, '\0');
}

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
