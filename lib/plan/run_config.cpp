#include "plan/run_config.h"

#include "io/series_files.h"

namespace arzoo::plan {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kSections{"$schema",    "model", "data",  "training",
                                         "evaluation", "seed",  "output"};
constexpr int64_t kDefaultSeed = 2021;

/// A path in a config is meant relative to the config, or to where the command runs: the first that exists.
std::string found_path(const std::string& path, const fs::path& folder) {
  if (path.empty() || fs::path(path).is_absolute() || io::names_series(path)) return path;
  const auto beside = folder / path;
  return io::names_series(beside) ? beside.lexically_normal().string() : path;
}

/// Calls `use` with every path-typed field and its value, in the fields' order. values: a section, resolved.
template <class Value, class Use>
void each_path(const std::vector<FieldDoc>& fields, Value& values, const Use& use) {
  for (const auto& field : fields) {
    const auto key = field.pointer.substr(field.pointer.rfind('/') + 1);
    if (!values.contains(key)) continue;
    auto& value = values.at(key);
    if (field.rule.is_path && value.is_string()) use(field, value);
    if (field.children.empty()) continue;
    if (value.is_object()) each_path(field.children, value, use);
    if (value.is_array()) {
      for (auto& item : value) each_path(field.children, item, use);
    }
  }
}

void find_paths(const std::vector<FieldDoc>& fields, Json& section, const fs::path& folder) {
  each_path(fields, section,
            [&](const FieldDoc&, Json& path) { path = found_path(path.get<std::string>(), folder); });
}

/// What to say of keys of a section that have a newer name.
void add_old_keys(const std::vector<FieldDoc>& fields, const Config& section,
                  std::vector<std::string>& notes) {
  for (const auto& field : fields) {
    const auto& former = field.rule.former;
    if (former.empty() || !section.has(former)) continue;
    notes.push_back(fmt::format("{}: \"{}\" is the old name of \"{}\"", section.name(), former,
                                field.pointer.substr(field.pointer.rfind('/') + 1)));
  }
}

}  // namespace

std::vector<fs::path> input_paths(const Json& config) {
  const auto choice = registry::find_model(Config(config, "config").at("model").at("name"));
  std::vector<fs::path> paths;
  const auto add = [&](const FieldDoc& field, const Json& path) {
    // A default that is a word ("bytes") names no file.
    fs::path own = path.get<std::string>();
    if (path != field.default_value || fs::exists(own)) paths.push_back(std::move(own));
  };
  each_path(choice.model.describe(), config.at("model"), add);
  each_path(choice.family.describe_data(), config.at("data"), add);
  each_path(choice.family.describe_training(), config.at("training"), add);
  return paths;
}

std::vector<std::string> old_keys(const Config& config) {
  std::vector<std::string> notes;
  const auto choice = registry::find_model(config.at("model").at("name"));
  add_old_keys(choice.model.describe(), config.at("model"), notes);
  add_old_keys(choice.family.describe_data(), config.section("data"), notes);
  add_old_keys(choice.family.describe_training(), config.section("training"), notes);
  return notes;
}

Json resolve_run_config(const Config& config, const fs::path& folder) {
  config.only(kSections);
  const auto model = config.at("model");
  const auto choice = registry::find_model(model.at("name"));
  Json resolved;
  resolved["model"] = choice.model.resolve(model);
  find_paths(choice.model.describe(), resolved["model"], folder);
  resolved["data"] = choice.family.resolve_data(config.at("data"));
  find_paths(choice.family.describe_data(), resolved["data"], folder);
  resolved["training"] = choice.family.resolve_training(config.section("training"));
  find_paths(choice.family.describe_training(), resolved["training"], folder);
  choice.family.check(Config(resolved, config.name(), config.pointer()));
  resolved["evaluation"] = registry::resolve_evaluation(choice, config.section("evaluation"));
  int64_t seed = kDefaultSeed;
  if (config.has("seed")) config.at("seed").read(seed, at_least(0));
  resolved["seed"] = seed;
  resolved["output"] =
      config.has("output") ? config.text("output") : fmt::format("runs/{}", choice.model.name);
  return resolved;
}

Json run_config_schema(const registry::ModelChoice& choice) {
  Json schema;
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = fmt::format("arzoo config: {}", choice.model.name);
  schema["type"] = "object";
  schema["additionalProperties"] = false;
  schema["required"] = {"model", "data"};
  Json model = json_schema(choice.model.describe(), {"name"});
  model["properties"]["name"] = {{"const", choice.model.name}};
  Json& properties = schema["properties"];
  properties["$schema"] = {{"type", "string"}};
  properties["model"] = std::move(model);
  properties["data"] = json_schema(choice.family.describe_data());
  properties["training"] = json_schema(choice.family.describe_training());
  properties["evaluation"] = json_schema(registry::describe_evaluation(choice));
  properties["seed"] = {{"type", "integer"}, {"minimum", 0}, {"default", kDefaultSeed}};
  properties["output"] = {{"type", "string"}, {"description", "run directory"}};
  return schema;
}

Json default_run_config(const registry::ModelChoice& choice) {
  const auto defaults = [](const std::vector<FieldDoc>& docs) {
    const auto collect = [](const auto& self, const std::vector<FieldDoc>& fields) -> Json {
      Json values = Json::object();
      for (const auto& field : fields) {
        const std::string name = field.pointer.substr(field.pointer.rfind('/') + 1);
        values[name] = field.type == "object" ? self(self, field.children) : field.default_value;
      }
      return values;
    };
    return collect(collect, docs);
  };
  Json config;
  config["model"]["name"] = choice.model.name;
  config["model"].update(defaults(choice.model.describe()));
  config["data"] = defaults(choice.family.describe_data());
  config["training"] = defaults(choice.family.describe_training());
  config["evaluation"] = defaults(registry::describe_evaluation(choice));
  config["seed"] = kDefaultSeed;
  config["output"] = fmt::format("runs/{}", choice.model.name);
  return config;
}

}  // namespace arzoo::plan
