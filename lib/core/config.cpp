#include "core/config.h"

#include <fmt/ranges.h>

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "core/closest.h"

namespace arzoo {
namespace {

constexpr int kMaxDepth = 64;

/// Refuses what the JSON library would accept without a word: two equal keys in one object, and bottomless
/// nesting.
class StrictParse {
 public:
  explicit StrictParse(const std::string& name) : name_(name) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth) fail<ConfigError>("{}: nested deeper than {} levels", name_, kMaxDepth);
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_.pop_back();
    if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      fail<ConfigError>("{}: the key \"{}\" is given twice in one object (remove one)", name_,
                        parsed.get<std::string>());
    }
    return true;
  }

 private:
  const std::string& name_;
  std::vector<std::set<std::string>> keys_;
};

/// "line 3, column 14" of a byte offset.
std::string place(std::string_view text, std::size_t offset) {
  std::size_t line = 1, column = 1;
  for (std::size_t i = 0; i + 1 < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return fmt::format("line {}, column {}", line, column);
}

Json parse_strictly(std::string_view text, const std::string& name) {
  try {
    return Json::parse(text, StrictParse(name), true, false);
  } catch (const Json::parse_error& error) {
    fail<ConfigError>("{}: {}: not valid JSON (a missing comma, quote or bracket, or a comment?)", name,
                      place(text, error.byte));
  } catch (const Json::out_of_range& error) {
    constexpr std::size_t kShownDigits = 40;
    // Of a number the library says what it read, in single quotes, but not where.
    const std::string_view message = error.what();
    const auto opening = message.find('\'');
    const auto number = opening == std::string_view::npos
                            ? std::string_view()
                            : message.substr(opening + 1, message.rfind('\'') - opening - 1);
    fail<ConfigError>("{}: {}: the number {} is larger than any double", name,
                      place(text, text.find(number) + 1), number.substr(0, kShownDigits));
  }
}

/// "a.b=value" → value set at a/b.
void apply_override(Json& root, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    fail<UsageError>("--set {}: expected KEY.KEY=VALUE, for example training.epochs=2", text);
  }
  const std::string raw = text.substr(equals + 1);
  Json value = Json::parse(raw, nullptr, false);
  if (value.is_discarded()) value = raw;
  Json* node = &root;
  std::stringstream path(text.substr(0, equals));
  for (std::string key; std::getline(path, key, '.');) {
    if (key.empty()) fail<UsageError>("--set {}: empty key", text);
    if (!node->is_object()) {
      if (!node->is_null())
        fail<UsageError>("--set {}: \"{}\" lies below a value that is no object", text, key);
      *node = Json::object();
    }
    node = &(*node)[key];
  }
  *node = std::move(value);
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

std::string interval(const Rule& rule) {
  const bool low = std::isfinite(rule.minimum), high = std::isfinite(rule.maximum);
  if (low && high) {
    return fmt::format(" in {}{}, {}{}", rule.above_minimum ? '(' : '[', rule.minimum, rule.maximum,
                       rule.below_maximum ? ')' : ']');
  }
  if (low) return fmt::format(" {} {}", rule.above_minimum ? ">" : ">=", rule.minimum);
  if (high) return fmt::format(" {} {}", rule.below_maximum ? "<" : "<=", rule.maximum);
  return "";
}

std::string quoted_list(const std::vector<std::string>& names) {
  return fmt::format("\"{}\"", fmt::join(names, "\", \""));
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const auto near = closest(word, known);
  return near ? fmt::format(" (did you mean \"{}\"?)", *near) : "";
}

constexpr std::string_view kListOfObjects = "array of object";

Json value_schema(const std::string& type, const Rule& rule) {
  constexpr std::string_view kArray = "array of ";
  Json schema;
  if (type.starts_with(kArray)) {
    schema["type"] = "array";
    schema["items"] = value_schema(type.substr(kArray.size()), rule);
    if (rule.min_items > 0) schema["minItems"] = rule.min_items;
    return schema;
  }
  schema["type"] = type;
  if (std::isfinite(rule.minimum)) schema[rule.above_minimum ? "exclusiveMinimum" : "minimum"] = rule.minimum;
  if (std::isfinite(rule.maximum)) schema[rule.below_maximum ? "exclusiveMaximum" : "maximum"] = rule.maximum;
  if (!rule.choices.empty()) schema["enum"] = rule.choices;
  return schema;
}

}  // namespace

Rule at_least(double minimum) { return {.minimum = minimum}; }
Rule more_than(double minimum) { return {.minimum = minimum, .above_minimum = true}; }
Rule between(double minimum, double maximum) { return {.minimum = minimum, .maximum = maximum}; }
Rule from_below(double minimum, double maximum) {
  return {.minimum = minimum, .maximum = maximum, .below_maximum = true};
}
Rule one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }
Rule nonempty(Rule each) {
  each.min_items = 1;
  return each;
}

Config::Config(Json value, std::string name, std::string pointer)
    : value_(std::move(value)), name_(std::move(name)), pointer_(std::move(pointer)) {}

Config Config::load(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path))
    fail<UsageError>("{}: cannot be read (expected a JSON file)", path.string());
  // A name may stand for a device without an end.
  constexpr std::size_t kLongest = std::size_t{256} << 20, kChunk = std::size_t{1} << 16;
  std::string text;
  std::size_t filled = 0;
  while (in) {
    text.resize(filled + kChunk);
    in.read(text.data() + filled, kChunk);
    filled += static_cast<std::size_t>(in.gcount());
    if (filled > kLongest)
      fail<ConfigError>("{}: is larger than {} bytes, expected a JSON config", path.string(), kLongest);
  }
  text.resize(filled);
  return parse(text, path.string(), overrides);
}

Config Config::parse(std::string_view text, std::string name, const std::vector<std::string>& overrides) {
  Json value = parse_strictly(text, name);
  if (!value.is_object()) fail<ConfigError>("{}: expected an object at the top, got {}", name, shown(value));
  for (const auto& override : overrides) apply_override(value, override);
  return {std::move(value), std::move(name)};
}

bool Config::has(std::string_view key) const { return value_.is_object() && value_.contains(key); }

Config Config::at(std::string_view key) const {
  expect(value_.is_object(), "an object");
  if (!has(key)) reject(fmt::format("the key \"{}\" is missing", key));
  return {value_.at(std::string(key)), name_, pointer_ + "/" + std::string(key)};
}

Config Config::section(std::string_view key) const {
  if (has(key)) return at(key);
  return {Json::object(), name_, pointer_ + "/" + std::string(key)};
}

std::vector<std::pair<std::string, Config>> Config::members() const {
  expect(value_.is_object(), "an object");
  std::vector<std::pair<std::string, Config>> all;
  for (const auto& [key, value] : value_.items())
    all.emplace_back(key, Config(value, name_, pointer_ + "/" + key));
  return all;
}

std::vector<Config> Config::elements() const {
  expect(value_.is_array(), "a list");
  std::vector<Config> all;
  for (std::size_t i = 0; i < value_.size(); ++i)
    all.emplace_back(value_[i], name_, pointer_ + "/" + std::to_string(i));
  return all;
}

std::string Config::text() const {
  std::string value;
  read(value, {});
  return value;
}

void Config::only(const std::vector<std::string>& known) const {
  expect(value_.is_object(), "an object");
  const std::set<std::string> names(known.begin(), known.end());
  for (const auto& [key, value] : value_.items()) {
    if (!names.contains(key)) {
      Config(value, name_, pointer_ + "/" + key).reject("unknown key" + suggestion(key, known));
    }
  }
}

void Config::reject(const std::string& message) const {
  fail<ConfigError>("{}: {}: {}", name_, pointer_.empty() ? "/" : pointer_, message);
}

void Config::expect(bool fits, std::string_view expected) const {
  if (!fits) reject(fmt::format("expected {}, got {}", expected, shown(value_)));
}

void Config::check_number(double value, const Rule& rule, std::string_view kind) const {
  const bool low = rule.above_minimum ? value > rule.minimum : value >= rule.minimum;
  const bool high = rule.below_maximum ? value < rule.maximum : value <= rule.maximum;
  expect(low && high, fmt::format("{}{}", kind, interval(rule)));
}

void Config::read(bool& value, const Rule&) const {
  expect(value_.is_boolean(), "true or false");
  value = value_.get<bool>();
}

void Config::read(int64_t& value, const Rule& rule) const {
  const bool fits =
      value_.is_number_integer() && (!value_.is_number_unsigned() ||
                                     value_.get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max()));
  expect(fits, "an integer" + interval(rule));
  value = value_.get<int64_t>();
  check_number(static_cast<double>(value), rule, "an integer");
}

void Config::read(double& value, const Rule& rule) const {
  expect(value_.is_number() && std::isfinite(value_.get<double>()), "a number" + interval(rule));
  value = value_.get<double>();
  check_number(value, rule, "a number");
}

void Config::read(std::string& value, const Rule& rule) const {
  expect(value_.is_string(), rule.choices.empty() ? "a string" : "one of " + quoted_list(rule.choices));
  value = value_.get<std::string>();
  if (rule.choices.empty()) return;
  for (const auto& choice : rule.choices) {
    if (choice == value) return;
  }
  reject(fmt::format("expected one of {}, got \"{}\"{}", quoted_list(rule.choices), value,
                     suggestion(value, rule.choices)));
}

Json json_schema(const std::vector<FieldDoc>& fields, const std::vector<std::string>& required) {
  Json schema;
  schema["type"] = "object";
  schema["additionalProperties"] = false;
  schema["properties"] = Json::object();
  for (const auto& field : fields) {
    const std::string name = field.pointer.substr(field.pointer.rfind('/') + 1);
    Json entry = field.type == "object" ? json_schema(field.children) : value_schema(field.type, field.rule);
    if (field.type == kListOfObjects) entry["items"] = json_schema(field.children);
    if (field.nullable) entry["type"] = Json::array({entry["type"], "null"});
    entry["description"] = field.help;
    if (field.type != "object") entry["default"] = field.default_value;
    schema["properties"][name] = std::move(entry);
  }
  if (!required.empty()) schema["required"] = required;
  return schema;
}

}  // namespace arzoo
