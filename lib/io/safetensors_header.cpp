#include "io/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "core/bytes.h"
#include "core/error.h"
#include "core/file_budget.h"

namespace arzoo::io {

namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

struct Extent {
  std::uint64_t begin, end;  ///< bytes after the header
};

/// Reads the JSON without building it, so that a doubled key is seen and a hostile nesting costs nothing.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(SafetensorsHeader& header, std::vector<Extent>& extents, FileBudget budget,
               std::string_view where)
      : header_(header), extents_(extents), budget_(std::move(budget)), where_(where) {}

  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a boolean"); }
  bool binary(binary_t&) override { refuse("binary data"); }
  bool number_integer(number_integer_t value) override { refuse(fmt::format("{}", value)); }
  bool number_float(number_float_t, const string_t& text) override { refuse(text.substr(0, 40)); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::offsets) {
      offsets_.push_back(value);
      if (offsets_.size() > 2) wrong("data_offsets has more than two numbers");
    } else if (place_ == Place::shape) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        wrong("a dimension exceeds 2^63 - 1");
      tensor_.shape.push_back(static_cast<std::int64_t>(value));
      if (tensor_.shape.size() > kMaxRank) wrong(fmt::format("has more than {} dimensions", kMaxRank));
    } else {
      refuse(fmt::format("{}", value));
    }
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::metadata) {
      header_.metadata.back().second = std::move(text);
    } else if (place_ == Place::tensor && field_ == "dtype") {
      const auto dtype = dtype_named(text);
      if (!dtype) wrong(fmt::format("unknown dtype {}", in_quotes(text)));
      tensor_.dtype = *dtype;
    } else {
      refuse(in_quotes(text));
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::start) {
      place_ = Place::root;
    } else if (place_ == Place::root) {
      place_ = name_ == kMetadataKey ? Place::metadata : Place::tensor;
      inner_keys_.clear();
      tensor_ = StoredTensor{};
      offsets_.clear();
    } else {
      refuse("an object");
    }
    return true;
  }

  bool key(string_t& key) override {
    if (place_ == Place::root) {
      if (!names_.insert(key).second)
        fail<CheckpointError>("{}: header: {} stands twice", where_, in_quotes(key));
      name_ = std::move(key);
      return true;
    }
    if (!inner_keys_.insert(key).second) wrong(fmt::format("{} stands twice", in_quotes(key)));
    if (place_ == Place::metadata) {
      header_.metadata.emplace_back(std::move(key), std::string());
      return true;
    }
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      wrong(fmt::format("unknown key {}, expected dtype, shape and data_offsets", in_quotes(key)));
    }
    field_ = std::move(key);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) finish_tensor();
    place_ = place_ == Place::root ? Place::start : Place::root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || field_ == "dtype") refuse("a list");
    place_ = field_ == "shape" ? Place::shape : Place::offsets;
    return true;
  }

  bool end_array() override {
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail<CheckpointError>("{}: header is not valid JSON at its byte {} (is the file damaged?)", where_,
                          position);
  }

 private:
  enum class Place { start, root, metadata, tensor, shape, offsets };

  [[noreturn]] void wrong(std::string_view what) const {
    fail<CheckpointError>("{}: header: {}: {}", where_, in_quotes(name_), what);
  }

  [[noreturn]] void refuse(std::string_view found) const {
    switch (place_) {
      case Place::start:
        fail<CheckpointError>("{}: header: {}, expected an object", where_, found);
      case Place::root:
        wrong(fmt::format("{}, expected an object with dtype, shape and data_offsets", found));
      case Place::metadata:
        wrong(fmt::format("{}, expected strings only", found));
      case Place::tensor:
        wrong(fmt::format("{} is {}, expected {}", field_, found,
                          field_ == "dtype" ? "a string" : "a list of non-negative integers"));
      case Place::shape:
        wrong(fmt::format("shape holds {}, expected non-negative integers", found));
      case Place::offsets:
        wrong(fmt::format("data_offsets holds {}, expected non-negative integers", found));
    }
    wrong(found);
  }

  void finish_tensor() {
    for (const auto* field : {"dtype", "shape", "data_offsets"}) {
      if (inner_keys_.count(field) == 0) wrong(fmt::format("{} is missing", field));
    }
    if (offsets_.size() != 2) wrong("data_offsets has fewer than two numbers");
    const auto bytes = contiguous_bytes(tensor_.dtype, tensor_.shape);
    if (!bytes) wrong(fmt::format("shape {} is larger than any file", shown(tensor_.shape)));
    const Extent extent{offsets_[0], offsets_[1]};
    if (extent.end < extent.begin || extent.end - extent.begin != *bytes) {
      wrong(fmt::format("data_offsets [{}, {}] do not span the {} bytes of {} {}", extent.begin, extent.end,
                        *bytes, dtype_name(tensor_.dtype), shown(tensor_.shape)));
    }
    budget_.charge<CheckpointError>(kMemoryPerTensor + 4 * name_.size(), "its tensors");
    tensor_.name = name_;
    tensor_.bytes = *bytes;
    header_.tensors.push_back(std::move(tensor_));
    extents_.push_back(extent);
  }

  SafetensorsHeader& header_;
  std::vector<Extent>& extents_;
  FileBudget budget_;
  std::string_view where_;
  Place place_ = Place::start;
  std::string name_, field_;
  std::unordered_set<std::string> names_, inner_keys_;
  StoredTensor tensor_;
  std::vector<std::uint64_t> offsets_;
};

/// The tensors must tile [0, size) exactly: what lies in a hole or twice in a file could hide from one reader
/// or another.
void expect_tiling(const SafetensorsHeader& header, const std::vector<Extent>& extents, std::uint64_t size,
                   std::string_view where) {
  std::vector<std::size_t> order(extents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(extents[a].begin, extents[a].end) < std::pair(extents[b].begin, extents[b].end);
  });
  std::uint64_t position = 0;
  for (const auto i : order) {
    if (extents[i].begin != position) {
      fail<CheckpointError>("{}: header: {}: data_offsets begin at {}, expected {} ({})", where,
                            in_quotes(header.tensors[i].name), extents[i].begin, position,
                            extents[i].begin > position ? "a hole" : "an overlap");
    }
    position = extents[i].end;
  }
  if (position != size) {
    fail<CheckpointError>("{}: holds {} bytes of tensors, the header promises {} ({})", where, size, position,
                          size < position ? "is the file truncated?" : "trailing bytes");
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view bytes, std::string_view where) {
  ByteReader<CheckpointError> reader(bytes, where);
  const auto length = reader.little<std::uint64_t>("the header's length");
  if (length > kMaxSafetensorsHeader) {
    fail<CheckpointError>("{}: not a safetensors file: header of {} bytes, expected at most {}", where,
                          length, kMaxSafetensorsHeader);
  }
  const auto text = reader.take(length, "the header");
  if (text.empty() || text.front() != '{') {
    fail<CheckpointError>("{}: not a safetensors file: the header does not begin with \"{{\"", where);
  }
  // The JSON library takes a zero byte for the end of the text and would not see what follows it.
  if (const auto zero = text.find('\0'); zero != std::string_view::npos) {
    fail<CheckpointError>("{}: header is not valid JSON at its byte {}: a zero byte (is the file damaged?)",
                          where, zero);
  }
  SafetensorsHeader header;
  std::vector<Extent> extents;
  HeaderReader handler(header, extents, FileBudget(where, bytes.size()), where);
  nlohmann::json::sax_parse(text.begin(), text.end(), &handler);
  expect_tiling(header, extents, reader.remaining(), where);
  for (std::size_t i = 0; i < extents.size(); ++i)
    header.tensors[i].offset = reader.position() + extents[i].begin;
  return header;
}

}  // namespace arzoo::io
