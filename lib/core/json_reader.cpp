#include "core/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "core/display_text.h"

namespace arzoo {
namespace {

constexpr std::size_t kShownToken = 60;

/// "line 3, column 14" of the byte before `end`; columns count characters.
std::string place(std::string_view text, std::size_t end) {
  const auto before = text.substr(0, end == 0 ? 0 : end - 1);
  const auto line_start = before.rfind('\n') + 1;  // 0 when there is no line before
  return fmt::format("line {}, column {}", 1 + std::count(before.begin(), before.end(), '\n'),
                     1 + display_width(before.substr(line_start)));
}

/// A text's bytes, which tells `furthest` how far it was read: the library's events do not say where they
/// are.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char*& furthest) : at_(at), furthest_(&furthest) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  Cursor operator++(int) {
    auto before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

/// Builds the value event by event; an event that returns false ends the reading.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, const JsonLimits& limits)
      : text_(text),
        limits_(limits),
        furthest_(text.data()),
        memory_left_(limits.memory_floor + limits.memory_per_byte * text.size()) {}

  std::variant<Json, JsonFault> build() {
    const char* const first = text_.data();
    const bool whole =
        Json::sax_parse(Cursor(first, furthest_), Cursor(first + text_.size(), furthest_), this);
    if (!whole) return std::move(fault_);
    return std::move(root_);
  }

  bool null() override { return add(nullptr, 0); }
  bool boolean(bool value) override { return add(value, 0); }
  bool number_integer(number_integer_t value) override { return add(value, 0); }
  bool number_unsigned(number_unsigned_t value) override { return add(value, 0); }
  bool number_float(number_float_t value, const string_t&) override { return add(value, 0); }
  bool binary(binary_t&) override { return refuse("binary data", false); }

  bool string(string_t& value) override {
    return fits(value) && add(std::move(value), kStringBytes + value.size());
  }

  bool key(string_t& key) override {
    if (!fits(key) || !take(kMemberBytes + key.size())) return false;
    const auto [member, is_new] = open_.back()->get_ref<Json::object_t&>().emplace(key, nullptr);
    if (!is_new) {
      return refuse(fmt::format("the key \"{}\" is given twice in one object (remove one)",
                                shortened(key, kShownToken)),
                    false);
    }
    member_ = &member->second;
    return true;
  }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOverflow = 406;
    if (error.id == kNumberOverflow) {
      fault_.message = fmt::format("{}: the number {} is larger than any double",
                                   place(text_, position - token.size() + 1), shortened(token, kShownToken));
    } else {
      fault_.message = fmt::format("{}: not valid JSON (a missing comma, quote or bracket, or a comment?)",
                                   place(text_, position));
    }
    return false;
  }

 private:
  // What the library and the heap take for each, measured with glibc.
  static constexpr std::size_t kValueBytes = 16, kStringBytes = 48, kContainerBytes = 48, kMemberBytes = 144;

  bool refuse(std::string_view what, bool is_limit) {
    fault_ = {fmt::format("{}: {}", place(text_, static_cast<std::size_t>(furthest_ - text_.data())), what),
              is_limit};
    return false;
  }

  bool take(std::size_t bytes) {
    if (bytes > memory_left_)
      return refuse("so many small values that they take far more memory than the text", true);
    memory_left_ -= bytes;
    return true;
  }

  bool fits(const string_t& text) {
    return text.size() <= limits_.string_bytes ||
           refuse(fmt::format("a string of {} bytes, expected at most {}", text.size(), limits_.string_bytes),
                  true);
  }

  bool add(Json value, std::size_t bytes) { return put(std::move(value), bytes) != nullptr; }

  /// Puts the value where the reading stands.
  Json* put(Json value, std::size_t bytes) {
    if (!take(kValueBytes + bytes)) return nullptr;
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_array()) {
      auto& list = open_.back()->get_ref<Json::array_t&>();
      return &list.emplace_back(std::move(value));
    }
    return &(*member_ = std::move(value));
  }

  bool open(Json container) {
    if (open_.size() == limits_.depth)
      return refuse(fmt::format("nested deeper than {} levels", limits_.depth), true);
    auto* const opened = put(std::move(container), kContainerBytes);
    if (opened == nullptr) return false;
    open_.push_back(opened);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const JsonLimits& limits_;
  const char* furthest_;
  std::size_t memory_left_;
  Json root_;
  JsonFault fault_;
  std::vector<Json*> open_;  ///< the containers that the reading is inside of
  Json* member_ = nullptr;   ///< the value of the key that was read last
};

}  // namespace

std::variant<Json, JsonFault> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return JsonFault{fmt::format("{} bytes of JSON, expected at most {}", text.size(), limits.bytes), true};
  }
  return Builder(text, limits).build();
}

std::optional<Json> try_read_json(std::string_view text, const JsonLimits& limits) {
  auto parsed = parse_json(text, limits);
  if (std::holds_alternative<JsonFault>(parsed)) return std::nullopt;
  return std::get<Json>(std::move(parsed));
}

}  // namespace arzoo
