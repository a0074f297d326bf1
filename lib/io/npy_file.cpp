#include "io/npy_file.h"

#include <fmt/ranges.h>

#include <charconv>

#include "core/bytes.h"
#include "core/error.h"

namespace arzoo::io {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr std::size_t kMostNpyAxes = 32;

/// The text of the header, a Python dict, between `key` and the next character `end`.
std::string_view header_value(std::string_view header, std::string_view key, char end,
                              std::string_view where) {
  const auto at = header.find(key);
  const auto stop = at == std::string_view::npos ? at : header.find(end, at + key.size());
  if (stop == std::string_view::npos)
    fail<DataError>("{}: no {} in its header, expected a NumPy array", where, in_quotes(key));
  return header.substr(at + key.size(), stop - at - key.size());
}

std::vector<int64_t> numbers_in(std::string_view text, std::string_view where) {
  std::vector<int64_t> numbers;
  for (const char* at = text.data(); at != text.data() + text.size();) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    int64_t number = 0;
    const auto read = std::from_chars(at, text.data() + text.size(), number);
    if (read.ec != std::errc() || number < 0 || numbers.size() == kMostNpyAxes)
      fail<DataError>("{}: shape {} in its header, expected numbers", where, in_quotes(text));
    numbers.push_back(number);
    at = read.ptr;
  }
  return numbers;
}

NpyArray parse_header(std::string_view text, std::string_view where) {
  NpyArray array;
  const auto descr = header_value(text, "'descr': '", '\'', where);
  const auto type = number_type(descr);
  if (!type) {
    fail<DataError>(
        "{}: elements of type {}, expected little-endian floats or integers (an array of objects can be "
        "written as .jsonl)",
        where, in_quotes(descr));
  }
  array.type = *type;
  array.shape = numbers_in(header_value(text, "'shape': (", ')', where), where);
  const bool ordered = header_value(text, "'fortran_order': ", ',', where) == "False";
  if (!ordered && array.shape.size() > 1)
    fail<DataError>("{}: an array in Fortran order, expected rows one behind the other", where);
  return array;
}

}  // namespace

NpyArray parse_npy(std::string_view bytes, std::string_view where) {
  ByteReader<DataError> reader(bytes, where);
  if (reader.take(kNpyMagic.size(), "the file's mark") != kNpyMagic)
    fail<DataError>("{}: not a NumPy file", where);
  const auto version = reader.little<std::uint8_t>("the version");
  reader.take(1, "the version");
  const std::uint64_t length = version == 1 ? reader.little<std::uint16_t>("the header's length")
                                            : reader.little<std::uint32_t>("the header's length");
  auto array = parse_header(reader.take(length, "the header"), where);
  std::optional<std::uint64_t> size = array.type.size;
  for (const int64_t axis : array.shape) {
    // A file of no numbers could promise any number of rows.
    if (axis == 0) fail<DataError>("{}: an array of no numbers", where);
    if (size) size = checked_multiply(*size, static_cast<std::uint64_t>(axis));
  }
  if (!size || *size != reader.remaining()) {
    fail<DataError>("{}: {} bytes of numbers, its header says [{}] of {} bytes each", where,
                    reader.remaining(), fmt::join(array.shape, ", "), array.type.size);
  }
  array.bytes = reader.take(*size, "the numbers");
  return array;
}

std::string npy_bytes(const NpyArray& array) {
  constexpr std::size_t kAlignment = 64, kPreamble = 10;  // magic, version 1.0, length of the header
  const char order = array.type.size == 1 ? '|' : '<';
  auto header =
      fmt::format("{{'descr': '{}{}{}', 'fortran_order': False, 'shape': ({}{}), }}", order, array.type.kind,
                  array.type.size, fmt::join(array.shape, ", "), array.shape.size() == 1 ? "," : "");
  header.append(kAlignment - (kPreamble + header.size() + 1) % kAlignment, ' ');
  header.push_back('\n');
  std::string bytes(kNpyMagic);
  for (const std::size_t byte : {std::size_t{1}, std::size_t{0}, header.size() & 0xFF, header.size() >> 8U})
    bytes.push_back(static_cast<char>(byte));
  return bytes + header + std::string(array.bytes);
}

NpzFile::NpzFile(const std::filesystem::path& path) : name_(path.string()) {
  if (!std::filesystem::is_regular_file(path)) fail<DataError>("{}: no such file", name_);
  mapping_ = MappedFile::open(path);
  if (mapping_->bytes().starts_with(kNpyMagic)) return;
  if (!mapping_->bytes().starts_with("PK"))
    fail<DataError>("{}: not a NumPy file (expected .npz or .npy)", name_);
  try {
    archive_ = ZipArchive::parse(mapping_->bytes(), name_);
  } catch (const CheckpointError& error) {
    fail<DataError>("{} (save it with numpy.savez, which does not compress)", error.what());
  }
}

std::vector<std::string> NpzFile::arrays() const {
  std::vector<std::string> names;
  for (const auto& record : archive_.records())
    names.emplace_back(record.name.substr(0, record.name.rfind('.')));
  return names.empty() ? std::vector<std::string>{""} : names;
}

bool NpzFile::contains(std::string_view array) const {
  return archive_.find(std::string(array) + ".npy") != nullptr ||
         (array.empty() && archive_.records().empty());
}

NpyArray NpzFile::at(std::string_view array) const {
  if (!contains(array)) {
    std::string there;
    for (const auto& own : arrays()) there += (there.empty() ? "" : ", ") + in_quotes(own);
    fail<DataError>("{}: no array {}, only {}", name_, in_quotes(array), there);
  }
  const auto* record = archive_.find(std::string(array) + ".npy");
  if (record == nullptr) return parse_npy(mapping_->bytes(), name_);
  return parse_npy(record->content, name_ + "/" + std::string(array));
}

}  // namespace arzoo::io
