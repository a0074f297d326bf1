#include "forecast/data/binary_sequences.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "core/bytes.h"
#include "core/config.h"
#include "core/mapped_file.h"
#include "io/number_bytes.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

struct BinaryFile {
  std::string name;
  int64_t number = 0;  ///< after the first "-" of the name
  int64_t begin = 0;   ///< its first element among those of all files
  int64_t elements = 0;
  std::shared_ptr<const MappedFile> mapping;
};

struct StoredSequence {
  int64_t offset = 0, length = 0;
  std::optional<double> mean, std;

  static void fields(auto& o, auto& field) {
    constexpr double kMost = 1e15;
    field("offset", o.offset, between(0, kMost), "first element");
    field("length", o.length, between(0, kMost), "elements");
    field("mean", o.mean, {}, "mean to add");
    field("std", o.std, {}, "standard deviation to multiply with");
  }
};

int64_t number_in(const std::string& name) {
  const auto dash = name.find('-');
  int64_t number = 0;
  const char* end = name.data() + name.size();
  if (dash == std::string::npos || std::from_chars(name.data() + dash + 1, end, number).ec != std::errc())
    fail<DataError>("meta.json: /files: {}: no number after a \"-\", expected a name like data-1-of-2.bin",
                    in_quotes(name));
  return number;
}

std::vector<BinaryFile> open_files(const fs::path& folder, const Config& meta, int64_t element_size) {
  std::vector<BinaryFile> files;
  for (const auto& [name, elements] : meta.at("files").members()) {
    BinaryFile file;
    file.name = name;
    file.number = number_in(name);
    if (fs::path(name).filename() != name) elements.reject("expected a plain file name");
    elements.read(file.elements, between(0, 1e15));
    file.mapping = MappedFile::open(folder / name);
    const auto bytes = static_cast<int64_t>(file.mapping->bytes().size());
    if (bytes != file.elements * element_size) {
      fail<DataError>("{}: {} bytes, expected {} for {} elements (meta.json)", (folder / name).string(),
                      bytes, file.elements * element_size, file.elements);
    }
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  int64_t begin = 0;
  for (auto& file : files) {
    file.begin = begin;
    begin += file.elements;
  }
  return files;
}

class BinarySequences : public Sequences {
 public:
  explicit BinarySequences(const fs::path& folder) {
    const auto meta = Config::load(folder / "meta.json");
    const auto type = meta.text("dtype");
    if (type != "float32" && type != "float64")
      meta.at("dtype").reject(fmt::format("expected float32 or float64, got \"{}\"", type));
    type_ = *io::number_type(type);
    files_ = open_files(folder, meta, static_cast<int64_t>(type_.size));
    const int64_t all = files_.empty() ? 0 : files_.back().begin + files_.back().elements;
    for (const auto& entry : meta.at("scales").elements()) {
      const auto stored = entry.as<StoredSequence>();
      if (stored.offset > all - stored.length) {
        entry.reject(fmt::format("elements {} to {} are beyond the {} of the files", stored.offset,
                                 stored.offset + stored.length, all));
      }
      sequences_.push_back(stored);
    }
  }

  int64_t size() const override { return static_cast<int64_t>(sequences_.size()); }
  int64_t length(int64_t index) const override { return sequences_[index].length; }

  std::vector<double> values(int64_t index) const override {
    const auto& stored = sequences_[index];
    std::vector<double> values;
    values.reserve(stored.length);
    for (const auto& file : files_) {
      const int64_t begin = std::max(stored.offset, file.begin),
                    end = std::min(stored.offset + stored.length, file.begin + file.elements);
      if (begin >= end) continue;
      const auto part = type_.read(
          file.mapping->bytes().substr((begin - file.begin) * type_.size, (end - begin) * type_.size));
      values.insert(values.end(), part.begin(), part.end());
    }
    if (stored.mean && stored.std) {
      for (auto& value : values) value = value * *stored.std + *stored.mean;
    }
    return values;
  }

 private:
  io::NumberType type_;
  std::vector<BinaryFile> files_;
  std::vector<StoredSequence> sequences_;
};

}  // namespace

bool holds_binary_sequences(const fs::path& folder) {
  if (!fs::exists(folder / "meta.json")) return false;
  const fs::directory_iterator entries(folder);
  return std::any_of(fs::begin(entries), fs::end(entries),
                     [](const auto& entry) { return entry.path().extension() == ".bin"; });
}

std::unique_ptr<Sequences> open_binary_sequences(const fs::path& folder) {
  try {
    return std::make_unique<BinarySequences>(folder);
  } catch (const ConfigError& error) {
    fail<DataError>("{}", error.what());
  }
}

}  // namespace arzoo::forecast
