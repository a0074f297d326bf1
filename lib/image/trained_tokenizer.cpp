#include "image/trained_tokenizer.h"

#include <algorithm>

namespace arzoo::image {

std::filesystem::path tokenizer_path(const Config& config) {
  const auto source = config.at("data").at("tokenizer");
  std::filesystem::path path = source.text();
  if (path.empty()) {
    const auto model = config.at("model").text("name");
    source.reject(fmt::format("a {} needs the trained tokenizer (arzoo train configs/image/{}_*.json)", model,
                              model == "var"        ? "vqvae"
                              : model == "llamagen" ? "llamagen_vq"
                                                    : "kl_vae"));
  }
  if (!std::filesystem::exists(path)) fail<CheckpointError>("{}: no such file or folder", path.string());
  return path;
}

void require_same_tokenizer(const Config& config, const Json& own, const Json& wanted,
                            const std::vector<std::string>& ignored) {
  for (const auto& [key, value] : wanted.items()) {
    const bool unimportant = std::find(ignored.begin(), ignored.end(), key) != ignored.end();
    if (unimportant || own.at(key) == value) continue;
    config.at("model").at("vae").at(key).reject(
        fmt::format("{}, but the tokenizer in {} has {}", dump_json(value),
                    config.at("data").text("tokenizer"), dump_json(own.at(key))));
  }
}

}  // namespace arzoo::image
