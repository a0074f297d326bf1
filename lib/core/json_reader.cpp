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

/// What the library and the heap take (glibc on 64 bits) for each piece of a value.
struct Cost {
  static constexpr std::size_t kValue = sizeof(Json), kString = 48, kList = 32, kObject = 48, kMember = 80,
                               kIndexed = 64;  ///< more of a member in an object with an index of its keys
  /// The library destroys a value by moving what is in it to a list.
  static constexpr std::size_t kDestroyed = sizeof(Json);
  /// While the library reads a token it holds it twice, in buffers that double as they grow.
  static constexpr std::size_t kPerTokenByte = 5;

  /// The characters of a string, which has few of them in itself.
  static constexpr std::size_t characters(std::size_t size) {
    constexpr std::size_t kInside = 15, kRounding = 24;
    return size <= kInside ? 0 : size + kRounding;
  }
};

/// Where the reading stands in the member that JsonRows asks for.
enum class RowsPlace { outside, before, in_list, in_row };

/// Builds the value event by event; an event that returns false ends the reading.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, const JsonLimits& limits, JsonRows* rows)
      : text_(text),
        limits_(limits),
        furthest_(text.data()),
        memory_left_(limits.memory_floor + limits.memory_per_byte * text.size()),
        rows_(rows) {}

  std::variant<Json, JsonFault> build() {
    const char* const first = text_.data();
    const bool whole =
        Json::sax_parse(Cursor(first, furthest_), Cursor(first + text_.size(), furthest_), this);
    if (!whole) return std::move(fault_);
    return std::move(root_);
  }
  /// The reading ended because the rows are something else: they are to be read without looking for rows.
  bool rows_are_others() const { return rows_are_others_; }

  bool null() override { return no_row() && add(nullptr); }
  bool boolean(bool value) override { return no_row() && add(value); }
  bool number_integer(number_integer_t value) override {
    return in_rows() ? add_to_rows(static_cast<double>(value)) : add(value);
  }
  bool number_unsigned(number_unsigned_t value) override {
    return in_rows() ? add_to_rows(static_cast<double>(value)) : add(value);
  }
  bool number_float(number_float_t value, const string_t& token) override {
    return hold(token) && (in_rows() ? add_to_rows(value) : add(value));
  }
  bool binary(binary_t&) override { return refuse("binary data", false); }

  bool string(string_t& value) override {
    // Copied, for the library's buffer has room that the value does not need.
    return no_row() && fits(value) && take(Cost::kString + Cost::characters(value.size())) &&
           add(std::as_const(value));
  }

  bool key(string_t& key) override {
    if (!fits(key) || !take(Cost::kMember + Cost::characters(key.size()))) return false;
    auto& members = open_.back()->get_ref<Json::object_t&>();
    const auto [member, is_new] = members.emplace(key, nullptr);
    if (!is_new) {
      return refuse(fmt::format("the key \"{}\" is given twice in one object (remove one)",
                                shortened(key, kShownToken)),
                    false);
    }
    member_ = &member->second;
    if (rows_ != nullptr && open_.size() == 1 && key == rows_->key) rows_place_ = RowsPlace::before;
    constexpr std::size_t kFirstIndexed = 17;  // of JsonObject's members
    if (members.size() < kFirstIndexed) return true;
    return take(Cost::kIndexed * (members.size() == kFirstIndexed ? kFirstIndexed : 1));
  }

  bool start_object(std::size_t) override { return no_row() && take(Cost::kObject) && open(Json::object()); }
  bool start_array(std::size_t) override {
    if (rows_place_ == RowsPlace::before) return begin_rows();
    if (rows_place_ == RowsPlace::in_list) {
      rows_place_ = RowsPlace::in_row;
      in_row_ = 0;
      return true;
    }
    return no_row() && take(Cost::kList) && open(Json::array());
  }
  bool end_object() override { return close(); }
  bool end_array() override {
    if (in_rows()) return end_rows();
    shrink(open_.back()->get_ref<Json::array_t&>());
    return close();
  }

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

  /// Room for the library's buffers, which remain as large as the longest token made them.
  bool hold(const string_t& token) {
    const auto longest = std::max(longest_token_, token.size());
    const auto more = longest - std::exchange(longest_token_, longest);
    return take(Cost::kPerTokenByte * more);
  }

  bool fits(const string_t& text) {
    if (text.size() > limits_.string_bytes) {
      return refuse(
          fmt::format("a string of {} bytes, expected at most {}", text.size(), limits_.string_bytes), true);
    }
    return hold(text);
  }

  bool in_rows() const { return rows_place_ == RowsPlace::in_list || rows_place_ == RowsPlace::in_row; }

  /// What comes is no part of the rows; false when it stands where one is expected.
  bool no_row() {
    if (rows_place_ == RowsPlace::before) rows_place_ = RowsPlace::outside;
    return !in_rows() || give_rows_up();
  }

  bool give_rows_up() {
    rows_are_others_ = true;
    return false;
  }

  bool begin_rows() {
    // Each number but the last has a comma behind it, and two bytes of the text are its own.
    const auto commas = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), ','));
    const auto most = 1 + std::min(commas, text_.size() / 2);
    if (sizeof(double) * most > memory_left_) return give_rows_up();
    memory_left_ -= sizeof(double) * most;
    rows_->numbers.reserve(most);
    rows_place_ = RowsPlace::in_list;
    return true;
  }

  bool add_to_rows(double number) {
    if (rows_place_ == RowsPlace::in_list && rows_->width != 1) return give_rows_up();
    rows_->numbers.push_back(number);
    ++in_row_;
    return true;
  }

  bool end_rows() {
    if (rows_place_ == RowsPlace::in_row) {
      rows_place_ = RowsPlace::in_list;
      return in_row_ == rows_->width || give_rows_up();
    }
    rows_place_ = RowsPlace::outside;
    rows_->found = true;
    return true;
  }

  bool add(Json value) {
    rows_place_ = RowsPlace::outside;
    return put(std::move(value)) != nullptr;
  }

  /// Puts the value where the reading stands.
  Json* put(Json value) {
    if (!take(Cost::kDestroyed)) return nullptr;
    if (open_.empty()) return &(root_ = std::move(value));
    if (!open_.back()->is_array()) return &(*member_ = std::move(value));
    auto& list = open_.back()->get_ref<Json::array_t&>();
    return grow(list) ? &list.emplace_back(std::move(value)) : nullptr;
  }

  /// Makes room for one more: while a full list grows, its values are there twice.
  bool grow(Json::array_t& list) {
    if (list.size() < list.capacity()) return true;
    const auto before = list.capacity(), after = std::max<std::size_t>(1, 2 * before);
    if (!take(Cost::kValue * after)) return false;
    list.reserve(after);
    memory_left_ += Cost::kValue * before;
    return true;
  }

  /// Gives back the room that a list does not need, unless its values cannot be there twice for that.
  void shrink(Json::array_t& list) {
    const auto unused = list.capacity() - list.size();
    if (unused == 0 || Cost::kValue * list.size() > memory_left_) return;
    list.shrink_to_fit();
    memory_left_ += Cost::kValue * unused;
  }

  bool open(Json container) {
    if (open_.size() == limits_.depth)
      return refuse(fmt::format("nested deeper than {} levels", limits_.depth), true);
    auto* const opened = put(std::move(container));
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
  std::size_t memory_left_, longest_token_ = 0;
  Json root_;
  JsonFault fault_;
  std::vector<Json*> open_;  ///< the containers that the reading is inside of
  Json* member_ = nullptr;   ///< the value of the key that was read last
  JsonRows* rows_;           ///< may be null
  RowsPlace rows_place_ = RowsPlace::outside;
  std::size_t in_row_ = 0;  ///< numbers of the row that the reading is in
  bool rows_are_others_ = false;
};

}  // namespace

std::variant<Json, JsonFault> parse_json(std::string_view text, const JsonLimits& limits, JsonRows* rows) {
  if (text.size() > limits.bytes) {
    return JsonFault{fmt::format("{} bytes of JSON, expected at most {}", text.size(), limits.bytes), true};
  }
  Builder builder(text, limits, rows);
  auto parsed = builder.build();
  if (!builder.rows_are_others()) return parsed;
  *rows = {rows->key, rows->width};
  return Builder(text, limits, nullptr).build();
}

std::optional<Json> try_read_json(std::string_view text, const JsonLimits& limits) {
  auto parsed = parse_json(text, limits);
  if (std::holds_alternative<JsonFault>(parsed)) return std::nullopt;
  return std::get<Json>(std::move(parsed));
}

}  // namespace arzoo
