#include "forecast/data/npy_sequences.h"

#include "core/error.h"
#include "io/npy_file.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

class NpySequences : public Sequences {
 public:
  explicit NpySequences(const fs::path& path)
      : mapping_(MappedFile::open(path)), array_(io::parse_npy(mapping_->bytes(), path.string())) {
    const auto axes = array_.shape.size();
    if (axes == 0 || axes > 2)
      fail<DataError>("{}: an array of {} dimensions, expected 1 or 2", path.string(), axes);
  }
  int64_t size() const override { return array_.shape.size() == 2 ? array_.shape.front() : 1; }
  int64_t length(int64_t) const override { return array_.shape.back(); }
  std::vector<double> values(int64_t index) const override {
    const auto row = static_cast<std::size_t>(array_.shape.back()) * array_.type.size;
    return array_.type.read(array_.bytes.substr(index * row, row));
  }

 private:
  std::shared_ptr<const MappedFile> mapping_;
  io::NpyArray array_;
};

}  // namespace

std::unique_ptr<Sequences> open_npy_sequences(const fs::path& path) {
  return std::make_unique<NpySequences>(path);
}

}  // namespace arzoo::forecast
