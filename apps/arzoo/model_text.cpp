#include "model_text.h"

#include <fmt/ranges.h>

#include <cmath>

#include "core/display_text.h"
#include "text_table.h"

namespace arzoo::cli {
namespace {

Json option_json(const FieldDoc& field, const std::string& key) {
  Json option{{"key", key},
              {"type", field.type + (field.nullable ? " or null" : "")},
              {"default", field.default_value}};
  const auto& rule = field.rule;
  if (std::isfinite(rule.minimum)) option[rule.above_minimum ? "exclusiveMinimum" : "minimum"] = rule.minimum;
  if (std::isfinite(rule.maximum)) option[rule.below_maximum ? "exclusiveMaximum" : "maximum"] = rule.maximum;
  if (!rule.choices.empty()) option["choices"] = rule.choices;
  option["help"] = field.help;
  return option;
}

/// Nested structs are taken apart: "data.split.train"; of a list the struct follows: "data.sources[].path".
void add_options(Json& options, const std::vector<FieldDoc>& fields, const std::string& above) {
  for (const auto& field : fields) {
    const auto key = above + '.' + field.pointer.substr(field.pointer.rfind('/') + 1);
    const bool nested = field.type == "object";
    if (!nested) options.push_back(option_json(field, key));
    add_options(options, field.children, nested ? key : key + "[]");
  }
}

std::string bound(const Json& option, const char* key) { return short_number(option.at(key).get<double>()); }

/// "a|b|c", ">= 1", "> 0", "[0, 1)", or nothing.
std::string range_text(const Json& option) {
  if (option.contains("choices"))
    return fmt::format("{}", fmt::join(option.at("choices").get<std::vector<std::string>>(), "|"));
  const bool open_low = option.contains("exclusiveMinimum"), open_high = option.contains("exclusiveMaximum");
  const bool low = open_low || option.contains("minimum"), high = open_high || option.contains("maximum");
  const std::string least = low ? bound(option, open_low ? "exclusiveMinimum" : "minimum") : "";
  const std::string most = high ? bound(option, open_high ? "exclusiveMaximum" : "maximum") : "";
  if (low && high) return fmt::format("{}{}, {}{}", open_low ? '(' : '[', least, most, open_high ? ')' : ']');
  if (low) return fmt::format("{} {}", open_low ? ">" : ">=", least);
  if (high) return fmt::format("{} {}", open_high ? "<" : "<=", most);
  return "";
}

std::string command_list(const Json& model) {
  return fmt::format("{}", fmt::join(model.at("commands").get<std::vector<std::string>>(), ", "));
}

/// The number of a size, nothing where libarzoo could not be asked.
Cell size_cell(const Json& model, const char* key) {
  return model.contains(key) ? Cell(model.at(key).get<int64_t>()) : Cell();
}

/// What a token costs where it passes through a part of the model only.
std::string activated_text(const Json& model) {
  constexpr double kFlopsOfWeight = 2.0, kMillion = 1e6;
  const auto activated = model.at("activated_parameters").get<double>();
  return fmt::format("{} per token, {} MFLOP in their matrix products",
                     dump_json(model.at("activated_parameters")),
                     short_number(activated * kFlopsOfWeight / kMillion));
}

}  // namespace

Json model_json(const registry::ModelChoice& choice, const Json& counts) {
  const auto& model = choice.model;
  Json json{{"name", model.name}, {"family", model.family}, {"paper", model.paper}};
  const std::string name(model.name);
  if (counts.contains(name)) json.update(counts.at(name));
  json["commands"] = registry::commands_of(choice);
  return json;
}

Json options_json(const registry::ModelChoice& choice) {
  Json options = Json::array();
  add_options(options, choice.model.describe(), "model");
  add_options(options, choice.family.describe_data(), "data");
  add_options(options, choice.family.describe_training(), "training");
  add_options(options, registry::describe_evaluation(choice), "evaluation");
  return options;
}

std::string model_list_text(const Json& document) {
  const auto& models = document.at("models");
  const bool counted = !models.empty() && models.front().contains("parameters");
  std::vector<Column> columns{"family", "model", "paper"};
  if (counted) columns.insert(columns.end(), {"parameters", "activated"});
  columns.emplace_back("commands");
  Table table(columns);
  for (const auto& model : models) {
    std::vector<Cell> row;
    for (const char* key : {"family", "name", "paper"}) row.emplace_back(model.at(key).get<std::string>());
    if (counted) {
      for (const char* key : {"parameters", "activated_parameters"}) row.push_back(size_cell(model, key));
    }
    row.emplace_back(command_list(model));
    table.add(std::move(row));
  }
  return aligned(table);
}

std::string model_text(const Json& document) {
  std::vector<std::pair<std::string, std::string>> head;
  for (const char* key : {"name", "family", "paper"})
    head.emplace_back(key, document.at(key).get<std::string>());
  if (document.contains("parameters"))
    head.emplace_back("parameters", dump_json(document.at("parameters")) + " with the defaults");
  if (document.contains("parameters") && document.at("parameters") != document.at("activated_parameters"))
    head.emplace_back("activated", activated_text(document));
  head.emplace_back("commands", command_list(document));
  Table table({"option", "type", "default", "range", "meaning"});
  for (const auto& option : document.at("options")) {
    table.add({option.at("key").get<std::string>(), option.at("type").get<std::string>(),
               dump_json(option.at("default")), range_text(option), option.at("help").get<std::string>()});
  }
  return labelled(head) + '\n' + aligned(table);
}

}  // namespace arzoo::cli
