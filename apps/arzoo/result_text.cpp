#include "result_text.h"

#include <fmt/ranges.h>

#include "core/display_text.h"

namespace arzoo::cli {

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return short_number(value.get<double>());
  return dump_json(value);
}

std::string text_of(const Json& object, const char* key) {
  return object.contains(key) ? value_text(object.at(key)) : "?";
}

double number_of(const Json& object, const char* key) {
  return object.contains(key) && object.at(key).is_number() ? object.at(key).get<double>() : 0.0;
}

std::string metrics_text(const Json& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics.items()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value_text(value));
  }
  return text;
}

std::string list_text(const Json& list) {
  std::vector<std::string> items;
  for (const auto& item : list) items.push_back(value_text(item));
  return fmt::format("{}", fmt::join(items, ", "));
}

void add_fields(LabelledRows& rows, const Json& object, const std::string& above) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      add_fields(rows, value, above + key + '.');
    } else if (key.ends_with("bytes") && value.is_number()) {
      rows.emplace_back(above + key, byte_text(value.get<double>()));
    } else {
      rows.emplace_back(above + key, value.is_array() ? list_text(value) : value_text(value));
    }
  }
}

std::string fields_text(const Json& object) {
  LabelledRows rows;
  add_fields(rows, object);
  return labelled(rows);
}

Cell number_cell(const Json& object, const char* key) {
  if (!object.contains(key) || !object.at(key).is_number()) return {};
  return object.at(key).get<double>();
}

}  // namespace arzoo::cli
