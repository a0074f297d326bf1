#include <CLI/CLI.hpp>

#include "commands.h"
#include "forecast/baselines/baseline_cards.h"
#include "model_text.h"
#include "output.h"
#include "plan/run_config.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

struct ModelsFlags {
  std::string name, group;
  bool schema = false, config = false;
};

/// Parameter counts by name; empty when libarzoo cannot be opened: the rest of the answer does not need it.
Json parameter_counts(const Invocation& invocation, std::vector<std::string> names) {
  try {
    return result_of(invocation, &plan::TaskTable::models, plan::ModelsTask{std::move(names)});
  } catch (const SystemFailure&) {
    return Json::object();
  }
}

constexpr const char* kBaselines = "baseline";

std::vector<std::string> groups() {
  std::vector<std::string> names;
  for (const auto& family : registry::family_cards()) names.emplace_back(family.name);
  names.emplace_back(kBaselines);
  return names;
}

ExitCode list_baselines(const Invocation& invocation) {
  Json models = Json::array();
  for (const auto& card : forecast::kBaselineCards) {
    models.push_back({{"name", card.name},
                      {"family", kBaselines},
                      {"paper", card.source},
                      {"summary", card.summary},
                      {"commands", {"forecast"}}});
  }
  print_result(invocation, {{"models", std::move(models)}}, model_list_text);
  return ExitCode::ok;
}

/// group: a family; empty: all.
ExitCode list_models(const Invocation& invocation, const std::string& group) {
  const auto listed = [&](const registry::FamilyCard& family) {
    return group.empty() || family.name == group;
  };
  std::vector<std::string> names;
  for (const auto& family : registry::family_cards()) {
    for (const auto& model : family.models)
      if (listed(family)) names.emplace_back(model.name);
  }
  const auto counts = parameter_counts(invocation, std::move(names));
  Json models = Json::array();
  for (const auto& family : registry::family_cards()) {
    for (const auto& model : family.models)
      if (listed(family)) models.push_back(model_json({family, model}, counts));
  }
  print_result(invocation, {{"models", std::move(models)}}, model_list_text);
  return ExitCode::ok;
}

ExitCode show_model(const Invocation& invocation, const ModelsFlags& flags) {
  const auto choice = registry::find_model(Config(flags.name, "models", "NAME"));
  if (flags.schema || flags.config) {
    write_stdout(
        json_text(flags.schema ? plan::run_config_schema(choice) : plan::default_run_config(choice)));
    return ExitCode::ok;
  }
  Json document = model_json(choice, parameter_counts(invocation, {flags.name}));
  document["options"] = options_json(choice);
  print_result(invocation, document, model_text);
  return ExitCode::ok;
}

}  // namespace

void add_models_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand(
      "models", "List the models, or the options of one with types, defaults and ranges.");
  auto flags = std::make_shared<ModelsFlags>();
  command->add_option("NAME", flags->name, "the model to describe; all are listed by default")
      ->type_name("NAME");
  command
      ->add_option("--group", flags->group,
                   "list one family, or the baselines, which forecast --model NAME fits without training")
      ->type_name("FAMILY|baseline")
      ->check(choice(groups()))
      ->excludes(command->get_option("NAME"));
  auto* schema =
      command->add_flag("--schema", flags->schema, "print the JSON Schema of its config, for editors");
  command->add_flag("--config", flags->config, "print a config with all defaults, ready to edit")
      ->excludes(schema);
  add_shared_options(*command, invocation);
  command->footer("example:\n  arzoo models itransformer --config > my_run.json");
  on_chosen(*command, invocation, [flags, &invocation] {
    if (!flags->name.empty()) return show_model(invocation, *flags);
    if (flags->schema || flags->config) {
      fail<UsageError>("models: {} needs the NAME of a model (`arzoo models` lists them)",
                       flags->schema ? "--schema" : "--config");
    }
    if (flags->group == kBaselines) return list_baselines(invocation);
    return list_models(invocation, flags->group);
  });
}

}  // namespace arzoo::cli
