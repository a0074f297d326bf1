#include "core/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "core/closest.h"
#include "core/display_text.h"
#include "core/json_reader.h"
#include "core/text_file.h"

namespace arzoo {
namespace {

constexpr std::size_t kShownColumns = 60, kShownPointer = 200;

/// JSON, or else the text itself.
Json override_value(const std::string& raw, const JsonLimits& limits, const std::string& said) {
  auto parsed = parse_json(raw, limits);
  const auto* fault = std::get_if<JsonFault>(&parsed);
  if (fault == nullptr) return std::get<Json>(std::move(parsed));
  if (fault->is_limit) fail<UsageError>("--set {}: {}", said, fault->message);
  return raw;
}

/// "a.b=value" → value set at a/b.
void apply_override(Json& root, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    fail<UsageError>("--set {}: expected KEY.KEY=VALUE, for example training.epochs=2", text);
  }
  const auto said = shortened(text, kShownColumns);
  JsonLimits limits;
  // Its keys and its value together are not deeper than a file may be.
  const auto levels = 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + equals, '.'));
  if (levels >= limits.depth)
    fail<UsageError>("--set {}: {} keys within one another, expected fewer than {}", said, levels,
                     limits.depth);
  limits.depth -= levels;
  Json value = override_value(text.substr(equals + 1), limits, said);
  Json* node = &root;
  std::stringstream path(text.substr(0, equals));
  for (std::string key; std::getline(path, key, '.');) {
    if (key.empty()) fail<UsageError>("--set {}: empty key", said);
    if (!node->is_object()) {
      if (!node->is_null())
        fail<UsageError>("--set {}: \"{}\" lies below a value that is no object", said, key);
      *node = Json::object();
    }
    node = &(*node)[key];
  }
  *node = std::move(value);
}

std::string shown(const Json& value) { return shortened(dump_json(value), kShownColumns); }

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
Rule formerly(std::string name, Rule rule) {
  rule.former = std::move(name);
  return rule;
}
Rule a_path() { return {.is_path = true}; }
Rule one_or_list(Rule each) {
  each.one_or_list = true;
  return each;
}

Config::Config(Json value, std::string name, std::string pointer)
    : document_(std::make_shared<const Document>(Document{std::move(value), std::move(name)})),
      value_(&document_->root),
      pointer_(std::move(pointer)) {}

Config::Config(std::shared_ptr<const Document> document, const Json& value, std::string pointer)
    : document_(std::move(document)), value_(&value), pointer_(std::move(pointer)) {}

Config Config::load(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  constexpr std::uint64_t kLongest = std::uint64_t{256} << 20;
  std::string text;
  try {
    text = read_text_file(path, kLongest);
  } catch (const DataError& error) {
    fail<UsageError>("{} (expected a JSON file)", error.what());
  }
  return parse(text, path.string(), overrides);
}

Config Config::parse(std::string_view text, std::string name, const std::vector<std::string>& overrides) {
  Json value = read_json<ConfigError>(text, name);
  if (!value.is_object()) fail<ConfigError>("{}: expected an object at the top, got {}", name, shown(value));
  for (const auto& override : overrides) apply_override(value, override);
  return {std::move(value), std::move(name)};
}

bool Config::has(std::string_view key) const { return value_->is_object() && value_->contains(key); }

Config Config::at(std::string_view key) const {
  expect(value_->is_object(), "an object");
  const auto found = value_->find(key);
  if (found == value_->end()) reject(fmt::format("the key \"{}\" is missing", key));
  return member(key, *found);
}

Config Config::section(std::string_view key) const {
  if (has(key)) return at(key);
  return {Json::object(), name(), pointer_ + "/" + std::string(key)};
}

std::vector<std::pair<std::string, Config>> Config::members() const {
  expect(value_->is_object(), "an object");
  std::vector<std::pair<std::string, Config>> all;
  all.reserve(value_->size());
  for (const auto& [key, value] : value_->items()) all.emplace_back(key, member(key, value));
  return all;
}

std::vector<Config> Config::elements() const {
  std::vector<Config> all;
  all.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) all.push_back(element(i));
  return all;
}

std::size_t Config::size() const {
  expect(value_->is_array(), "a list");
  return value_->size();
}

Config Config::element(std::size_t index) const {
  return {document_, (*value_)[index], fmt::format("{}/{}", pointer_, index)};
}

Config Config::member(std::string_view key, const Json& value) const {
  return {document_, value, fmt::format("{}/{}", pointer_, key)};
}

std::string Config::text() const {
  std::string value;
  read(value, {});
  return value;
}

void Config::only(const std::vector<std::string>& known) const {
  expect(value_->is_object(), "an object");
  const std::set<std::string> names(known.begin(), known.end());
  for (const auto& [key, value] : value_->items()) {
    if (!names.contains(key)) member(key, value).reject("unknown key" + suggestion(key, known));
  }
}

void Config::reject(const std::string& message) const {
  fail<ConfigError>("{}: {}: {}", name(), pointer_.empty() ? "/" : shortened(pointer_, kShownPointer),
                    message);
}

void Config::expect(bool fits, std::string_view expected) const {
  if (!fits) reject(fmt::format("expected {}, got {}", expected, shown(*value_)));
}

void Config::check_number(double value, const Rule& rule, std::string_view kind) const {
  const bool low = rule.above_minimum ? value > rule.minimum : value >= rule.minimum;
  const bool high = rule.below_maximum ? value < rule.maximum : value <= rule.maximum;
  expect(low && high, fmt::format("{}{}", kind, interval(rule)));
}

void Config::read(bool& value, const Rule&) const {
  expect(value_->is_boolean(), "true or false");
  value = value_->get<bool>();
}

void Config::read(int64_t& value, const Rule& rule) const {
  const bool fits = value_->is_number_integer() &&
                    (!value_->is_number_unsigned() ||
                     value_->get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max()));
  expect(fits, "an integer" + interval(rule));
  value = value_->get<int64_t>();
  check_number(static_cast<double>(value), rule, "an integer");
}

void Config::read(double& value, const Rule& rule) const {
  expect(value_->is_number() && std::isfinite(value_->get<double>()), "a number" + interval(rule));
  value = value_->get<double>();
  check_number(value, rule, "a number");
}

void Config::read(Json& value, const Rule&) const {
  expect(value_->is_object(), "an object");
  value = *value_;
}
void Config::read(std::string& value, const Rule& rule) const {
  expect(value_->is_string(), rule.choices.empty() ? "a string" : "one of " + quoted_list(rule.choices));
  value = value_->get<std::string>();
  if (rule.choices.empty()) return;
  for (const auto& choice : rule.choices) {
    if (choice == value) return;
  }
  reject(fmt::format("expected one of {}, got {}{}", quoted_list(rule.choices), shown(*value_),
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
