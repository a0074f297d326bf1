#pragma once

// Behind core/config.h: what reads, writes and documents an options struct through its `fields`.

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
inline constexpr bool is_options = std::is_class_v<T> && !is_optional<T> && !is_vector<T> &&
                                   !std::is_same_v<T, std::string> && !std::is_same_v<T, Json>;

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

/// A type that a field can have: how its values are read, written and documented.
struct FieldType {
  std::string (*name)();
  bool nullable;
  void (*read)(void* value, const Config& config, const Rule& rule);
  Json (*json)(const void* value);
  /// Documents the fields of a nested struct, or of each struct in a list; nothing for other types.
  void (*describe)(const void* value, const std::string& pointer, std::vector<FieldDoc>& children);
};

template <class Options>
void describe_fields(const Options& options, const std::string& pointer, std::vector<FieldDoc>& docs);

template <class T>
void describe_children(const void* value, const std::string& pointer, std::vector<FieldDoc>& children) {
  if constexpr (is_options<T>) {
    describe_fields(*static_cast<const T*>(value), pointer, children);
  } else if constexpr (is_vector<T>) {
    if constexpr (is_options<typename T::value_type>)
      describe_fields(typename T::value_type(), pointer + "/0", children);
  }
}

template <class T>
inline constexpr FieldType kFieldType{
    &type_name<T>, is_optional<T>,
    [](void* value, const Config& config, const Rule& rule) { config.read(*static_cast<T*>(value), rule); },
    [](const void* value) { return value_json(*static_cast<const T*>(value)); }, &describe_children<T>};

struct Field {
  std::string_view name, help;
  const Rule& rule;
  void* value;
  const FieldType& type;
};

/// What goes through the fields of an options struct. One type for all passes, so that each struct's `fields`
/// is compiled once.
class FieldVisitor {
 public:
  template <class T>
  void operator()(std::string_view name, T& value, const Rule& rule, std::string_view help) {
    visit({name, help, rule, &value, kFieldType<T>});
  }

 protected:
  ~FieldVisitor() = default;

 private:
  virtual void visit(const Field& field) = 0;
};

using VisitFields = void (*)(void* options, FieldVisitor& visitor);

template <class Options>
void visit_fields(void* options, FieldVisitor& visitor) {
  Options::fields(*static_cast<Options*>(options), visitor);
}

void read_fields(const Config& config, void* options, VisitFields visit);
Json fields_json(const void* options, VisitFields visit);
void describe_fields(const void* options, VisitFields visit, const std::string& pointer,
                     std::vector<FieldDoc>& docs);

template <class Options>
void describe_fields(const Options& options, const std::string& pointer, std::vector<FieldDoc>& docs) {
  describe_fields(&options, &visit_fields<Options>, pointer, docs);
}

}  // namespace detail

template <class Options>
Options Config::as() const {
  Options options;
  detail::read_fields(*this, &options, &detail::visit_fields<Options>);
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
  if (rule.one_or_list && !value_->is_array()) {
    value.resize(1);
    read(value.front(), rule);
    return;
  }
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
  return detail::fields_json(&options, &detail::visit_fields<Options>);
}

template <class Options>
std::vector<FieldDoc> describe() {
  std::vector<FieldDoc> docs;
  detail::describe_fields(Options(), "", docs);
  return docs;
}

}  // namespace arzoo
