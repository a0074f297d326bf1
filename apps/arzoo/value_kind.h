#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace arzoo::cli {

/// What a shell can offer for a value, told from the type that --help shows: "auto|cpu" are words, DIR is a
/// folder, CSV, PICTURE, MESH and everything with .json or .safetensors in it are files that end so, PATH and
/// MODEL are files and folders, NAME is a model. All other types are free text.
struct ValueKind {
  enum class Source { nothing, words, folders, files, models } source = Source::nothing;
  std::vector<std::string> words = {};     ///< of Source::words
  std::vector<std::string> suffixes = {};  ///< of Source::files; empty: any file
};

ValueKind value_kind(const CLI::Option& option);

bool is_flag(const CLI::Option& option);
/// Whether one occurrence takes several values, `--input a.csv b.csv`.
bool takes_many(const CLI::Option& option);
/// "--device", or "-h" and "--help".
std::vector<std::string> dashed_names(const CLI::Option& option);
std::vector<const CLI::App*> subcommands(const CLI::App& app);

}  // namespace arzoo::cli
