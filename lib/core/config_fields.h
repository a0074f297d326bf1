#pragma once

// The visitors behind core/config.h: what reads, writes and documents an options struct through its `fields`.

#include "core/config.h"

namespace arzoo {
namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_options =
    std::is_class_v<T> && !is_optional<T> && !is_vector<T> && !std::is_same_v<T, std::string>;

template <class T>
Json value_json(const T& value) {
  if constexpr (is_options<T>) {
    return to_json(value);
  } else if constexpr (is_optional<T>) {
    return value ? value_json(*value) : Json(nullptr);
  } else if constexpr (is_vector<T>) {
    Json list = Json::array();
    for (const auto& item : value) list.push_back(value_json(item));
    return list;
  } else {
    return value;
  }
}

template <class T>
std::string type_name() {
  if constexpr (std::is_same_v<T, bool>)
    return "boolean";
  else if constexpr (std::is_same_v<T, int64_t>)
    return "integer";
  else if constexpr (std::is_same_v<T, double>)
    return "number";
  else if constexpr (std::is_same_v<T, std::string>)
    return "string";
  else if constexpr (is_optional<T>)
    return type_name<typename T::value_type>();
  else if constexpr (is_vector<T>)
    return "array of " + type_name<typename T::value_type>();
  else
    return "object";
}

struct NameCollector {
  std::vector<std::string> names;
  template <class T>
  void operator()(std::string_view name, T&, const Rule&, std::string_view) {
    names.emplace_back(name);
  }
};

struct FieldReader {
  const Config& config;
  template <class T>
  void operator()(std::string_view name, T& value, const Rule& rule, std::string_view) {
    if (config.has(name)) config.at(name).read(value, rule);
  }
};

struct FieldWriter {
  Json& json;
  template <class T>
  void operator()(std::string_view name, const T& value, const Rule&, std::string_view) {
    json[std::string(name)] = value_json(value);
  }
};

struct FieldDescriber {
  std::vector<FieldDoc>& docs;
  std::string prefix;
  template <class T>
  void operator()(std::string_view name, T& value, const Rule& rule, std::string_view help) {
    FieldDoc doc{prefix + "/" + std::string(name),
                 type_name<T>(),
                 value_json(value),
                 rule,
                 std::string(help),
                 is_optional<T>};
    if constexpr (is_options<T>) {
      FieldDescriber inner{doc.children, doc.pointer};
      T::fields(value, inner);
    } else if constexpr (is_vector<T>) {
      if constexpr (is_options<typename T::value_type>) {
        typename T::value_type item{};
        FieldDescriber inner{doc.children, doc.pointer + "/0"};
        T::value_type::fields(item, inner);
      }
    }
    docs.push_back(std::move(doc));
  }
};

}  // namespace detail

template <class Options>
Options Config::as() const {
  expect(value_->is_object(), "an object");
  Options options;
  detail::NameCollector names;
  Options::fields(options, names);
  only(names.names);
  detail::FieldReader reader{*this};
  Options::fields(options, reader);
  if constexpr (requires { options.check(); }) {
    try {
      options.check();
    } catch (const ConfigError& error) {
      reject(error.what());
    }
  }
  return options;
}

template <class T>
void Config::read(std::optional<T>& value, const Rule& rule) const {
  if (value_->is_null()) {
    value.reset();
    return;
  }
  T inner{};
  read(inner, rule);
  value = std::move(inner);
}

template <class T>
void Config::read(std::vector<T>& value, const Rule& rule) const {
  expect(value_->is_array() && value_->size() >= rule.min_items,
         rule.min_items > 0 ? fmt::format("a list of at least {}", rule.min_items) : std::string("a list"));
  value.clear();
  for (std::size_t i = 0; i < value_->size(); ++i) {
    T item{};
    element(i).read(item, rule);
    value.push_back(std::move(item));
  }
}

template <class Options>
requires std::is_class_v<Options>
void Config::read(Options& value, const Rule&) const { value = as<Options>(); }

template <class Options>
Json to_json(const Options& options) {
  Json json = Json::object();
  detail::FieldWriter writer{json};
  Options::fields(options, writer);
  return json;
}

template <class Options>
std::vector<FieldDoc> describe() {
  std::vector<FieldDoc> docs;
  Options options;
  detail::FieldDescriber describer{docs, ""};
  Options::fields(options, describer);
  return docs;
}

}  // namespace arzoo
