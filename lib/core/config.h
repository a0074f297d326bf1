#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/json.h"

/// Typed, strict configuration.
///
/// An options struct lists its keys once, in `fields`; reading, writing, documenting and the JSON Schema
/// follow from it:
///
///     struct DLinearOptions {
///       int64_t moving_avg = 25;
///       static void fields(auto& o, auto& field) {
///         field("moving_avg", o.moving_avg, at_least(1), "window of the trend filter, odd");
///       }
///       void check() const { require(moving_avg % 2 == 1, "moving_avg must be odd, got {}", moving_avg); }
///     };
///
/// `fields` states what each value may be, the optional `check` what must hold between values.
namespace arzoo {

/// What one value may be. Numbers: an interval. Strings: a choice. Lists: a least length; the interval holds
/// for each item.
struct Rule {
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool above_minimum = false;  ///< the minimum itself is excluded
  bool below_maximum = false;  ///< the maximum itself is excluded
  std::vector<std::string> choices = {};
  std::size_t min_items = 0;
  std::string former = {};   ///< an older name of the key, still read
  bool is_path = false;      ///< of a file or folder; relative to the config file
  bool one_or_list = false;  ///< a list may be written as its only value
};

Rule at_least(double minimum);
Rule more_than(double minimum);
Rule between(double minimum, double maximum);
/// [minimum, maximum): probabilities that must not reach 1, for example.
Rule from_below(double minimum, double maximum);
Rule one_of(std::vector<std::string> choices);
Rule nonempty(Rule each = {});
/// A key that was called `name` before: files that say so are still read.
Rule formerly(std::string name, Rule rule = {});
/// A path of a file or folder.
Rule a_path();
/// A list that may be written as its only value.
Rule one_or_list(Rule each);

/// Throws ConfigError with the formatted message unless `holds`; for `check()` of options.
template <class... Args>
void require(bool holds, fmt::format_string<Args...> format, Args&&... args) {
  if (!holds) throw ConfigError(fmt::format(format, std::forward<Args>(args)...));
}

/// One key as `arzoo models NAME` and the JSON Schema show it.
struct FieldDoc {
  std::string pointer;  ///< relative to the struct, e.g. "/split/train"
  std::string type;     ///< "integer", "number", "boolean", "string", "array of integer", "object", …
  Json default_value;
  Rule rule;
  std::string help;
  bool nullable = false;
  std::vector<FieldDoc> children = {};  ///< of a nested struct, or of each struct in a list
};

/// A value of a configuration together with where it stands: errors name the file and the JSON pointer. All
/// values of one document share it, so that a Config costs little however large its value is.
class Config {
 public:
  /// Reads a file. `overrides` are "a.b=value" texts (--set): the value is JSON, or a string if it does not
  /// parse as JSON. Throws UsageError for a missing file or a malformed override, ConfigError for text that
  /// is not strict JSON within the limits of core/json_reader.h.
  static Config load(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});
  static Config parse(std::string_view text, std::string name,
                      const std::vector<std::string>& overrides = {});
  /// Wraps a value that is already parsed (a checkpoint's config, a table's cell).
  Config(Json value, std::string name, std::string pointer = "");

  const Json& json() const& { return *value_; }
  const Json& json() const&& = delete;  // a reference into a temporary
  const std::string& name() const { return document_->name; }
  const std::string& pointer() const { return pointer_; }
  bool has(std::string_view key) const;
  /// The member `key`; ConfigError if it is missing or this is no object.
  Config at(std::string_view key) const;
  /// The member `key`, or an empty object in its place.
  Config section(std::string_view key) const;
  /// The members of an object, the elements of a list; ConfigError if this is none.
  std::vector<std::pair<std::string, Config>> members() const;
  std::vector<Config> elements() const;
  /// The number of a list's elements, and the one at `index`, which is below it.
  std::size_t size() const;
  Config element(std::size_t index) const;
  std::string text() const;
  std::string text(std::string_view key) const { return at(key).text(); }

  /// Reads an options struct; every key must be known and every value within its rule. Throws ConfigError.
  template <class Options>
  Options as() const;

  /// Throws ConfigError unless every member's name is in `known`.
  void only(const std::vector<std::string>& known) const;
  /// Throws ConfigError "name: pointer: message".
  [[noreturn]] void reject(const std::string& message) const;

  void read(bool& value, const Rule& rule) const;
  void read(int64_t& value, const Rule& rule) const;
  void read(double& value, const Rule& rule) const;
  void read(std::string& value, const Rule& rule) const;
  /// An object that somebody else reads.
  void read(Json& value, const Rule& rule) const;
  template <class T>
  void read(std::optional<T>& value, const Rule& rule) const;
  template <class T>
  void read(std::vector<T>& value, const Rule& rule) const;
  template <class Options>
  requires std::is_class_v<Options>
  void read(Options& value, const Rule& rule) const;

 private:
  struct Document {
    Json root;
    std::string name;
  };
  Config(std::shared_ptr<const Document> document, const Json& value, std::string pointer);
  Config member(std::string_view key, const Json& value) const;

  void expect(bool fits, std::string_view expected) const;
  void check_number(double value, const Rule& rule, std::string_view kind) const;

  std::shared_ptr<const Document> document_;
  const Json* value_;  ///< inside of the document
  std::string pointer_;
};

/// Every value in force, defaults included: as<Options>() of the result gives an equal struct.
template <class Options>
Json to_json(const Options& options);

template <class Options>
std::vector<FieldDoc> describe();

/// The JSON Schema (draft 7) of an object with these fields.
Json json_schema(const std::vector<FieldDoc>& fields, const std::vector<std::string>& required = {});

}  // namespace arzoo

#include "core/config_fields.h"
