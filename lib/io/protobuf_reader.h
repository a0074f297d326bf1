#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/error.h"

namespace arzoo::io {

/// One field of a message in the protocol buffers' wire format.
struct ProtobufField {
  uint64_t number = 0;
  enum class Wire { varint, fixed64, bytes, fixed32 } wire = Wire::varint;
  uint64_t value = 0;           ///< of a number
  std::string_view bytes = {};  ///< of a string or a message
  /// Of a "float".
  float real() const;
};

/// The fields of a message, one after the other, without copies.
class ProtobufReader {
 public:
  /// where: the file, for messages.
  ProtobufReader(std::string_view message, std::string_view where) : rest_(message), where_(where) {}
  /// Nothing at the end. Throws DataError for bytes that are no field.
  std::optional<ProtobufField> next();

 private:
  uint64_t varint();
  std::string_view take(uint64_t bytes);

  std::string_view rest_, where_;
};

}  // namespace arzoo::io
