#include "io/number_bytes.h"

#include <cstdint>
#include <cstring>

namespace arzoo::io {
namespace {

template <class Number>
std::vector<double> read_as(std::string_view bytes) {
  std::vector<double> numbers(bytes.size() / sizeof(Number));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Number number{};
    std::memcpy(&number, bytes.data() + i * sizeof(Number), sizeof(Number));
    numbers[i] = static_cast<double>(number);
  }
  return numbers;
}

template <class One, class Two, class Four, class Eight>
std::vector<double> read_integers(std::size_t size, std::string_view bytes) {
  switch (size) {
    case 1:
      return read_as<One>(bytes);
    case 2:
      return read_as<Two>(bytes);
    case 4:
      return read_as<Four>(bytes);
    default:
      return read_as<Eight>(bytes);
  }
}

}  // namespace

std::vector<double> NumberType::read(std::string_view bytes) const {
  if (kind == 'f') return size == 4 ? read_as<float>(bytes) : read_as<double>(bytes);
  if (kind == 'i') return read_integers<int8_t, int16_t, int32_t, int64_t>(size, bytes);
  return read_integers<uint8_t, uint16_t, uint32_t, uint64_t>(size, bytes);
}

std::optional<NumberType> number_type(std::string_view name) {
  if (name == "float32") return NumberType{'f', 4};
  if (name == "float64") return NumberType{'f', 8};
  if (name.starts_with('<') || name.starts_with('|')) name.remove_prefix(1);
  if (name.size() != 2) return std::nullopt;
  const char kind = name[0];
  const auto size = static_cast<std::size_t>(name[1] - '0');
  const bool known = kind == 'f'
                         ? size == 4 || size == 8
                         : (kind == 'i' || kind == 'u') && (size == 1 || size == 2 || size == 4 || size == 8);
  if (!known) return std::nullopt;
  return NumberType{kind, size};
}

}  // namespace arzoo::io
