#include "io/idx_file.h"

#include "core/bytes.h"
#include "core/text_file.h"

namespace arzoo::io {
namespace {

constexpr std::uint8_t kUnsignedByte = 0x08;
constexpr std::size_t kMostIdxAxes = 4;

}  // namespace

IdxArray parse_idx(std::string bytes, std::string_view name) {
  IdxArray array;
  array.bytes = std::move(bytes);
  ByteReader<DataError> reader(array.bytes, name);
  const auto zeros = reader.big<std::uint16_t>("the file's mark");
  const auto type = reader.big<std::uint8_t>("the element type");
  const auto axes = reader.big<std::uint8_t>("the number of axes");
  if (zeros != 0 || axes == 0 || axes > kMostIdxAxes)
    fail<DataError>("{}: not an IDX file (expected 00 00 08 and 1 to {} axes at its start)", name,
                    kMostIdxAxes);
  if (type != kUnsignedByte)
    fail<DataError>("{}: elements of type 0x{:02x}, expected unsigned bytes (0x08)", name, type);
  std::uint64_t elements = 1;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const auto size = reader.big<std::uint32_t>("the sizes");
    array.sizes.push_back(size);
    elements = checked_multiply(elements, size).value_or(~std::uint64_t{0});
  }
  if (elements != reader.remaining()) {
    fail<DataError>("{}: {} bytes behind the header, which promises {} (is the file truncated?)", name,
                    reader.remaining(), elements);
  }
  array.bytes.erase(0, reader.position());
  return array;
}

IdxArray read_idx(const std::filesystem::path& path) {
  return parse_idx(read_text_file(path), path.string());
}

}  // namespace arzoo::io
