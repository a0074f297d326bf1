#include "forecast/data/pickle_sequences.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/mapped_file.h"
#include "io/number_bytes.h"
#include "io/pickle_machine.h"

namespace arzoo::forecast {
namespace {

/// Turns the values of one pickle into series. Each may cost as much memory as the file has bytes and no more
/// in all: a file could name one list a million times.
class SeriesReader {
 public:
  SeriesReader(const io::Pickle& pickle, std::string name)
      : pickle_(pickle), name_(std::move(name)), budget_(pickle.size) {}

  std::vector<std::vector<double>> run() {
    const auto* list = pickle_.get_if<io::PickleSequence>(pickle_.root);
    if (list == nullptr) fail<DataError>("{}: expected a list of series", name_);
    std::vector<std::vector<double>> series;
    for (const auto ref : list->items) {
      where_ = fmt::format("{}: series {}", name_, series.size());
      series.push_back(one(ref));
    }
    return series;
  }

 private:
  std::vector<double> one(io::PickleRef ref) {
    if (const auto* dict = pickle_.get_if<io::PickleDict>(ref)) {
      for (const auto& [key, value] : dict->items) {
        const auto* text = pickle_.get_if<io::PickleText>(key);
        if (text != nullptr && text->text == "sequence") return numbers(value);
      }
      fail<DataError>("{}: the key \"sequence\" is missing", where_);
    }
    return numbers(ref);
  }

  void charge(std::uint64_t count) {
    if (count > budget_) fail<DataError>("{}: the file repeats itself beyond its own size", where_);
    budget_ -= count;
  }

  std::vector<double> numbers(io::PickleRef ref) {
    if (const auto* inert = pickle_.get_if<io::PickleInert>(ref)) return array(*inert);
    const auto* list = pickle_.get_if<io::PickleSequence>(ref);
    if (list == nullptr) fail<DataError>("{}: expected a list of numbers or a NumPy array", where_);
    charge(list->items.size());
    std::vector<double> values;
    for (const auto item : list->items) values.push_back(number(item));
    return values;
  }

  double number(io::PickleRef ref) const {
    if (const auto* real = pickle_.get_if<double>(ref)) return *real;
    if (const auto* whole = pickle_.get_if<std::int64_t>(ref)) return static_cast<double>(*whole);
    fail<DataError>("{}: holds something that is not a number", where_);
  }

  /// NumPy's state of an array: (version, shape, dtype, in Fortran order, bytes).
  std::vector<double> array(const io::PickleInert& value) {
    const auto* state = value.type == "_reconstruct" && value.state
                            ? pickle_.get_if<io::PickleSequence>(*value.state)
                            : nullptr;
    if (state == nullptr || state->items.size() != 5)
      fail<DataError>("{}: expected a list of numbers or a NumPy array", where_);
    const auto* shape = pickle_.get_if<io::PickleSequence>(state->items[1]);
    if (shape == nullptr || shape->items.size() != 1)
      fail<DataError>("{}: a NumPy array that is not one-dimensional", where_);
    const auto type = dtype(state->items[2]);
    const auto* bytes = pickle_.get_if<io::PickleBytes>(state->items[4]);
    if (!type || bytes == nullptr || bytes->bytes.size() % type->size != 0)
      fail<DataError>("{}: a NumPy array that is not one of little-endian floats or integers", where_);
    charge(bytes->bytes.size());
    return type->read(bytes->bytes);
  }

  /// dtype("f8", False, True) with the state (version, byte order, …).
  std::optional<io::NumberType> dtype(io::PickleRef ref) const {
    const auto* value = pickle_.get_if<io::PickleInert>(ref);
    if (value == nullptr || value->type != "dtype" || !value->arguments) return std::nullopt;
    const auto* arguments = pickle_.get_if<io::PickleSequence>(*value->arguments);
    if (arguments == nullptr || arguments->items.empty()) return std::nullopt;
    const auto* name = pickle_.get_if<io::PickleText>(arguments->items[0]);
    if (name == nullptr || is_big_endian(*value)) return std::nullopt;
    return io::number_type(name->text);
  }

  bool is_big_endian(const io::PickleInert& dtype) const {
    const auto* state = dtype.state ? pickle_.get_if<io::PickleSequence>(*dtype.state) : nullptr;
    if (state == nullptr || state->items.size() < 2) return false;
    const auto* order = pickle_.get_if<io::PickleText>(state->items[1]);
    return order != nullptr && order->text == ">";
  }

  const io::Pickle& pickle_;
  std::string name_, where_;
  std::uint64_t budget_;
};

}  // namespace

std::unique_ptr<Sequences> read_pickled_sequences(const std::filesystem::path& path) {
  const auto mapping = MappedFile::open(path);
  const auto name = path.string();
  if (mapping->bytes().size() > io::kMaxPickle) {
    fail<DataError>("{}: {} bytes, expected at most {} (write it as .npy, .jsonl or in binary form)", name,
                    mapping->bytes().size(), io::kMaxPickle);
  }
  const auto pickle = io::read_pickle(mapping->bytes(), name);
  return std::make_unique<ListedSequences>(SeriesReader(pickle, name).run());
}

}  // namespace arzoo::forecast
