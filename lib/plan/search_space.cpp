#include "plan/search_space.h"

#include <algorithm>
#include <cmath>

#include "core/closest.h"
#include "core/seeded_random.h"

namespace arzoo::plan {
namespace {

/// Of the space's draws among the streams of a seed.
constexpr uint64_t kDraws = 0x74756e65;

struct RangeOptions {
  double low = 0.0, high = 0.0;
  std::optional<double> step;
  bool log = false;

  static void fields(auto& o, auto& field) {
    field("low", o.low, {}, "least value");
    field("high", o.high, {}, "greatest value");
    field("step", o.step, more_than(0), "distance of two values; null for any value between the ends");
    field("log", o.log, {}, "uniform in the logarithm");
  }
  void check() const {
    require(std::isfinite(low) && std::isfinite(high) && low < high, "low ({}) must be less than high ({})",
            low, high);
    require(!log || low > 0, "a logarithmic range must begin above 0, got {}", low);
    require(!log || !step, "log and step cannot be given together");
    require(!step || *step <= high - low, "step ({}) exceeds the range", step.value_or(0.0));
  }
};

/// The leaves below a section, by their dotted keys.
void collect(const std::vector<FieldDoc>& fields, const std::string& section,
             std::vector<std::pair<std::string, FieldDoc>>& leaves) {
  for (const auto& field : fields) {
    if (field.type == "object" && !field.children.empty()) {
      collect(field.children, section, leaves);
      continue;
    }
    auto key = section + field.pointer;
    std::replace(key.begin(), key.end(), '/', '.');
    leaves.emplace_back(std::move(key), field);
  }
}

std::vector<std::pair<std::string, FieldDoc>> searchable_fields(const registry::ModelChoice& choice) {
  std::vector<std::pair<std::string, FieldDoc>> leaves;
  collect(choice.model.describe(), "model", leaves);
  collect(choice.family.describe_data(), "data", leaves);
  collect(choice.family.describe_training(), "training", leaves);
  return leaves;
}

template <class T>
void check_read(const Config& value, const Rule& rule) {
  T read{};
  value.read(read, rule);
}

/// Throws ConfigError unless the field may have the value, whatever the others are.
void check_value(const FieldDoc& field, const Config& value) {
  if (field.nullable && value.json().is_null()) return;
  if (field.type == "integer") return check_read<int64_t>(value, field.rule);
  if (field.type == "number") return check_read<double>(value, field.rule);
  if (field.type == "boolean") return check_read<bool>(value, field.rule);
  if (field.type == "string") return check_read<std::string>(value, field.rule);
  if (field.type == "array of integer") return check_read<std::vector<int64_t>>(value, field.rule);
  if (field.type == "array of number") return check_read<std::vector<double>>(value, field.rule);
  if (field.type == "array of string") return check_read<std::vector<std::string>>(value, field.rule);
  value.reject(fmt::format("a value of type {} cannot be searched", field.type));
}

SearchDimension dimension_of(const std::string& key, const FieldDoc& field, const Config& values) {
  SearchDimension dimension{.key = key, .choices = {}};
  if (values.json().is_array()) {
    const auto choices = values.elements();
    if (choices.empty()) values.reject("expected at least one value, got []");
    for (const auto& choice : choices) {
      check_value(field, choice);
      dimension.choices.push_back(choice.json());
    }
    return dimension;
  }
  if (!values.json().is_object())
    values.reject(fmt::format("expected a list of values or a range {{\"low\", \"high\"}}, got {}",
                              dump_json(values.json())));
  if (field.type != "integer" && field.type != "number")
    values.reject(fmt::format("a field of type {} has no range, expected a list of values", field.type));
  const auto range = values.as<RangeOptions>();
  for (const char* end : {"low", "high"}) check_value(field, values.at(end));
  dimension.integer = field.type == "integer";
  if (range.step && dimension.integer) check_read<int64_t>(values.at("step"), {});
  dimension.low = range.low;
  dimension.high = range.high;
  dimension.step = range.step.value_or(dimension.integer && !range.log ? 1.0 : 0.0);
  dimension.log = range.log;
  return dimension;
}

double to_four_digits(double value) { return std::stod(fmt::format("{:.4g}", value)); }

}  // namespace

Json SearchDimension::value(double uniform) const {
  if (!choices.empty())
    return choices[static_cast<std::size_t>(uniform * static_cast<double>(choices.size()))];
  double value = log ? std::exp(std::log(low) + uniform * (std::log(high) - std::log(low)))
                     : low + uniform * (high - low);
  if (step > 0.0) value = low + step * std::floor(uniform * static_cast<double>(count()));
  if (integer) return static_cast<int64_t>(std::llround(value));
  return step > 0.0 ? value : std::clamp(to_four_digits(value), low, high);
}

int64_t SearchDimension::count() const {
  if (!choices.empty()) return static_cast<int64_t>(choices.size());
  if (step > 0.0) return static_cast<int64_t>(std::floor((high - low) / step * (1.0 + 1e-12))) + 1;
  return integer ? static_cast<int64_t>(high - low) + 1 : 0;
}

SearchSpace::SearchSpace(const Config& space, const registry::ModelChoice& choice) {
  const auto fields = searchable_fields(choice);
  std::vector<std::string> known;
  for (const auto& [key, field] : fields) known.push_back(key);
  for (const auto& [key, values] : space.members()) {
    if (key == "training.epochs" || key == "training.max_steps")
      values.reject(
          "the search itself decides how long a trial is trained; it takes the config's value as the "
          "whole training");
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&name = key](const auto& field) { return field.first == name; });
    if (found == fields.end()) {
      const auto near = closest(key, known);
      values.reject(fmt::format("no such key in a config of {}{}", choice.model.name,
                                near ? fmt::format(" (did you mean \"{}\"?)", *near) : ""));
    }
    dimensions_.push_back(dimension_of(key, found->second, values));
  }
  if (dimensions_.empty())
    space.reject("expected at least one key to search, as in \"training.learning_rate\"");
}

Json SearchSpace::draw(int64_t seed, int64_t draw) const {
  const auto stream = stream_seed(static_cast<uint64_t>(seed), kDraws, static_cast<uint64_t>(draw));
  Json values = Json::object();
  for (std::size_t i = 0; i < dimensions_.size(); ++i)
    values[dimensions_[i].key] = dimensions_[i].value(uniform_of(stream, i));
  return values;
}

std::vector<std::string> overrides_of(const Json& values) {
  std::vector<std::string> overrides;
  for (const auto& [key, value] : values.items()) overrides.push_back(key + "=" + dump_json(value));
  return overrides;
}

}  // namespace arzoo::plan
