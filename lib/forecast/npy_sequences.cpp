#include "forecast/npy_sequences.h"

#include <charconv>
#include <cstring>

#include "core/bytes.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/number_bytes.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

/// What the header, the text of a Python dict, says of the array.
struct NpyHeader {
  NumberType type;
  int64_t rows = 1, columns = 0;
};

/// The text between `key` and the next character of `ends`.
std::string_view value_of(std::string_view header, std::string_view key, char end, const fs::path& path) {
  const auto at = header.find(key);
  const auto stop = at == std::string_view::npos ? at : header.find(end, at + key.size());
  if (stop == std::string_view::npos)
    fail<DataError>("{}: no {} in its header, expected a NumPy array", path.string(), in_quotes(key));
  return header.substr(at + key.size(), stop - at - key.size());
}

std::vector<int64_t> numbers_in(std::string_view text, const fs::path& path) {
  std::vector<int64_t> numbers;
  for (const char* at = text.data(); at != text.data() + text.size();) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    int64_t number = 0;
    const auto read = std::from_chars(at, text.data() + text.size(), number);
    if (read.ec != std::errc() || number < 0)
      fail<DataError>("{}: shape {} in its header, expected numbers", path.string(), in_quotes(text));
    numbers.push_back(number);
    at = read.ptr;
  }
  return numbers;
}

NpyHeader parse_header(std::string_view text, const fs::path& path) {
  NpyHeader header;
  const auto descr = value_of(text, "'descr': '", '\'', path);
  const auto type = number_type(descr);
  if (!type) {
    fail<DataError>(
        "{}: elements of type {}, expected little-endian floats or integers (an array of objects can be "
        "written as .jsonl)",
        path.string(), in_quotes(descr));
  }
  header.type = *type;
  if (value_of(text, "'fortran_order': ", ',', path) != "False")
    fail<DataError>("{}: an array in Fortran order, expected rows one behind the other", path.string());
  const auto shape = numbers_in(value_of(text, "'shape': (", ')', path), path);
  if (shape.empty() || shape.size() > 2)
    fail<DataError>("{}: an array of {} dimensions, expected 1 or 2", path.string(), shape.size());
  if (shape.size() == 2) header.rows = shape[0];
  header.columns = shape.back();
  // A file of no numbers could promise any number of series.
  if (header.rows == 0 || header.columns == 0) fail<DataError>("{}: an array of no numbers", path.string());
  return header;
}

class NpySequences : public Sequences {
 public:
  explicit NpySequences(const fs::path& path) : mapping_(MappedFile::open(path)) {
    const auto name = path.string();
    ByteReader<DataError> reader(mapping_->bytes(), name);
    const auto magic = reader.take(6, "the file's mark");
    if (magic != "\x93NUMPY") fail<DataError>("{}: not a NumPy file", name);
    const auto version = reader.little<std::uint8_t>("the version");
    reader.take(1, "the version");
    const std::uint64_t length = version == 1 ? reader.little<std::uint16_t>("the header's length")
                                              : reader.little<std::uint32_t>("the header's length");
    header_ = parse_header(reader.take(length, "the header"), path);
    const auto numbers = checked_multiply(header_.rows, header_.columns);
    const auto bytes = numbers ? checked_multiply(*numbers, header_.type.size) : std::nullopt;
    if (!bytes || *bytes != reader.remaining()) {
      fail<DataError>("{}: {} bytes of numbers, its header says [{}, {}] of {} bytes each", name,
                      reader.remaining(), header_.rows, header_.columns, header_.type.size);
    }
    numbers_ = reader.take(*bytes, "the numbers");
  }
  int64_t size() const override { return header_.rows; }
  int64_t length(int64_t) const override { return header_.columns; }
  std::vector<double> values(int64_t index) const override {
    const auto row = static_cast<std::size_t>(header_.columns) * header_.type.size;
    return header_.type.read(numbers_.substr(index * row, row));
  }

 private:
  std::shared_ptr<const MappedFile> mapping_;
  NpyHeader header_;
  std::string_view numbers_;
};

}  // namespace

std::unique_ptr<Sequences> open_npy_sequences(const fs::path& path) {
  return std::make_unique<NpySequences>(path);
}

}  // namespace arzoo::forecast
