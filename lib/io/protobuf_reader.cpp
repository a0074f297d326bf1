#include "io/protobuf_reader.h"

#include <bit>

namespace arzoo::io {

float ProtobufField::real() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }

uint64_t ProtobufReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  fail<DataError>("{}: a number of more than 64 bits", where_);
}

std::string_view ProtobufReader::take(uint64_t bytes) {
  if (bytes > rest_.size()) fail<DataError>("{}: ends inside of a field", where_);
  const auto taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

std::optional<ProtobufField> ProtobufReader::next() {
  if (rest_.empty()) return std::nullopt;
  const auto key = varint();
  ProtobufField field{.number = key >> 3U};
  const auto fixed = [&](uint64_t size) {
    uint64_t value = 0;
    const auto bytes = take(size);
    for (uint64_t i = size; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
    return value;
  };
  switch (key & 7U) {
    case 0:
      field.value = varint();
      break;
    case 1:
      field.wire = ProtobufField::Wire::fixed64;
      field.value = fixed(8);
      break;
    case 2:
      field.wire = ProtobufField::Wire::bytes;
      field.bytes = take(varint());
      break;
    case 5:
      field.wire = ProtobufField::Wire::fixed32;
      field.value = fixed(4);
      break;
    default:
      fail<DataError>("{}: wire type {}, expected 0, 1, 2 or 5", where_, key & 7U);
  }
  return field;
}

}  // namespace arzoo::io
