#include "value_kind.h"

#include <sstream>

#include "io/mesh_file.h"
#include "registry/catalog.h"

namespace arzoo::cli {

ValueKind value_kind(const CLI::Option& option) {
  using Source = ValueKind::Source;
  const std::string type = option.get_type_name();
  if (type.find('|') != std::string::npos) {
    ValueKind kind{Source::words};
    // "cuda[:i]" is offered as "cuda".
    std::istringstream words(type);
    for (std::string word; std::getline(words, word, '|');)
      kind.words.push_back(word.substr(0, word.find('[')));
    return kind;
  }
  if (type == "DIR") return {Source::folders};
  if (type == "CSV") return {Source::files, {}, {".csv", ".csv.gz", ".parquet", ".arrow", ".feather"}};
  if (type == "PICTURE") return {Source::files, {}, {".png", ".jpg", ".jpeg"}};
  if (type == "MESH") {
    ValueKind kind{Source::files};
    for (const auto extension : io::kMeshExtensions) kind.suffixes.push_back(fmt::format(".{}", extension));
    return kind;
  }
  if (type.ends_with(".json")) return {Source::files, {}, {".json"}};
  if (type.ends_with(".html")) return {Source::files, {}, {".html"}};
  if (type.ends_with(".safetensors")) return {Source::files, {}, {".safetensors"}};
  if (type == "PATH" || type == "MODEL") return {Source::files};
  if (type == "NAME") {
    ValueKind kind{Source::models};
    for (const auto& family : registry::family_cards()) {
      for (const auto& model : family.models) kind.words.emplace_back(model.name);
    }
    return kind;
  }
  return {};
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

bool takes_many(const CLI::Option& option) {
  return option.get_expected_max() > 1 && option.get_allow_extra_args();
}

std::vector<std::string> dashed_names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back('-' + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

}  // namespace arzoo::cli
