#include "generation_options.h"

#include <fmt/ranges.h>

#include "list_values.h"
#include "registry/catalog.h"
#include "runtime/generation_options.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

/// "var: …; mar, flowar: …"
std::string help_of(const registry::GenerationFlag& flag) {
  std::vector<std::string> parts;
  for (const auto& [meaning, models] : flag.meanings)
    parts.push_back(fmt::format("{}: {}", fmt::join(models, ", "), meaning));
  return fmt::format("{}", fmt::join(parts, "; "));
}

/// The largest bounds that the command line takes; the model has its own.
double lowest(const Rule& rule) { return std::max(rule.minimum, 0.0); }
double highest(const Rule& rule, double most) { return std::min(rule.maximum, most); }

/// A list with a value per scale, or a single value.
template <class Parse>
void add_list(CLI::App& command, const registry::GenerationFlag& flag, Json& sampling, const Parse& parse) {
  const auto store = [&sampling, key = flag.key, parse](const std::string& text) {
    sampling[key] = parse(text);
  };
  command.add_option_function<std::string>(runtime::flag_of(flag.key), store, help_of(flag))
      ->type_name("V[xN][,V...]")
      ->check(parses(parse));
}

template <class Value>
CLI::Option* add_value(CLI::App& command, const registry::GenerationFlag& flag, Json& sampling) {
  const auto store = [&sampling, key = flag.key](const Value& value) { sampling[key] = value; };
  return command.add_option_function<Value>(runtime::flag_of(flag.key), store, help_of(flag));
}

void add_flag(CLI::App& command, const registry::GenerationFlag& flag, Json& sampling) {
  const auto& [pointer, type, ignored, rule, help, nullable, children] = flag.field;
  const double least = lowest(rule), most = highest(rule, kLargestFactor);
  const auto whole_least = static_cast<int64_t>(least),
             whole_most = static_cast<int64_t>(highest(rule, static_cast<double>(kLargestCount)));
  if (type == "boolean") {
    command.add_flag_function(
        runtime::flag_of(flag.key), [&sampling, key = flag.key](int64_t) { sampling[key] = true; },
        help_of(flag));
  } else if (type == "array of integer") {
    add_list(command, flag, sampling, [whole_least, whole_most](const std::string& text) {
      return integer_list(text, whole_least, whole_most);
    });
  } else if (type == "array of number") {
    constexpr double kSmallest = 1e-6;
    add_list(command, flag, sampling,
             [low = rule.above_minimum ? kSmallest : least, most](const std::string& text) {
               return number_list(text, low, most);
             });
  } else if (type == "integer") {
    add_value<int64_t>(command, flag, sampling)->type_name("N")->check(whole_number(whole_least, whole_most));
  } else if (type == "number") {
    add_value<double>(command, flag, sampling)->type_name("S")->check(real_number(least, most));
  } else {
    add_value<std::string>(command, flag, sampling)
        ->type_name(fmt::format("{}", fmt::join(rule.choices, "|")))
        ->check(choice(rule.choices));
  }
}

}  // namespace

void add_generation_options(CLI::App& command, Json& sampling) {
  for (const auto& flag : registry::generation_flags(command.get_name())) add_flag(command, flag, sampling);
}

}  // namespace arzoo::cli
