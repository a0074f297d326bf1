#include "plan/run_config.h"

#include "runtime/training_options.h"

namespace arzoo::plan {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kSections{"$schema",    "model", "data",  "training",
                                         "evaluation", "seed",  "output"};
constexpr int64_t kDefaultSeed = 2021;

/// A path in a config is meant relative to the config, or to where the command runs: the first that exists.
std::string found_path(const std::string& path, const fs::path& folder) {
  if (path.empty() || fs::path(path).is_absolute() || fs::exists(path)) return path;
  const auto beside = folder / path;
  return fs::exists(beside) ? beside.lexically_normal().string() : path;
}

}  // namespace

Json resolve_run_config(const Config& config, const fs::path& folder) {
  config.only(kSections);
  const auto model = config.at("model");
  const auto choice = find_model(model.at("name"));
  Json resolved;
  resolved["model"] = choice.model.resolve(model);
  resolved["data"] = choice.family.resolve_data(config.at("data"));
  const auto find = [&](Json& section, const char* key) {
    if (section.contains(key)) section[key] = found_path(section[key].get<std::string>(), folder);
  };
  for (const char* key : {"path", "labels", "test_path", "test_labels", "tokenizer", "teacher"})
    find(resolved["data"], key);
  if (resolved["data"].contains("sources")) {
    for (auto& source : resolved["data"]["sources"]) find(source, "path");
  }
  if (resolved["data"].contains("sequences")) find(resolved["data"]["sequences"], "path");
  choice.family.check(Config(resolved, config.name(), config.pointer()));
  resolved["training"] = to_json(config.section("training").as<runtime::TrainingOptions>());
  find(resolved["training"], "init_from");
  resolved["evaluation"] = choice.family.resolve_evaluation(config.section("evaluation"));
  int64_t seed = kDefaultSeed;
  if (config.has("seed")) config.at("seed").read(seed, at_least(0));
  resolved["seed"] = seed;
  resolved["output"] =
      config.has("output") ? config.text("output") : fmt::format("runs/{}", choice.model.name);
  return resolved;
}

Json run_config_schema(const ModelChoice& choice) {
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
  properties["training"] = json_schema(describe<runtime::TrainingOptions>());
  properties["evaluation"] = json_schema(choice.family.describe_evaluation());
  properties["seed"] = {{"type", "integer"}, {"minimum", 0}, {"default", kDefaultSeed}};
  properties["output"] = {{"type", "string"}, {"description", "run directory"}};
  return schema;
}

Json default_run_config(const ModelChoice& choice) {
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
  config["training"] = defaults(describe<runtime::TrainingOptions>());
  config["evaluation"] = defaults(choice.family.describe_evaluation());
  config["seed"] = kDefaultSeed;
  config["output"] = fmt::format("runs/{}", choice.model.name);
  return config;
}

}  // namespace arzoo::plan
