#pragma once

#include "image/model_folder.h"
#include "runtime/named_tensors.h"

namespace arzoo::image {

/// Where data.tokenizer of a resolved config is. Throws ConfigError when it names none, CheckpointError when
/// nothing is there.
std::filesystem::path tokenizer_path(const Config& config);

/// Throws ConfigError at the key of model.vae that is not as in the tokenizer's own folder, but for keys of
/// `ignored`.
void require_same_tokenizer(const Config& config, const Json& own, const Json& wanted,
                            const std::vector<std::string>& ignored);

/// The weights of the trained tokenizer that data.tokenizer names, which must be the one that model.vae
/// describes; options named in `ignored` concern its training alone. Throws ConfigError, CheckpointError.
template <class Options>
runtime::NamedTensors trained_tokenizer(const Config& config, const Options& options,
                                        const std::vector<std::string>& ignored) {
  const auto path = tokenizer_path(config);
  const auto folder = find_model_folder(path);
  if (!folder) return runtime::open_tensors(path);
  require_same_tokenizer(config, arzoo::to_json(runtime::options_in<Options>(*folder)),
                         arzoo::to_json(options), ignored);
  return runtime::open_tensors(folder->path);
}

}  // namespace arzoo::image
