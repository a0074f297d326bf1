#include <fmt/format.h>

#include "core/options_among.h"
#include "language/decoder_lm.h"

namespace arzoo::language {
namespace {

/// A published option that asks for what the decoder does not do.
void refuse(const Config& config, std::string_view key, std::string_view expected) {
  config.at(key).reject(fmt::format("is not supported, expected {}", expected));
}

bool holds(const Config& config, std::string_view key, const Json& value) {
  if (!config.has(key)) return false;
  const auto own = config.at(key);
  return !own.json().is_null() && own.json() != value;
}

/// Older files say "type" for rope_type. The newest have the base in here.
Json rope_scaling_of(const Config& section) {
  Json own = Json::object();
  for (const auto& [key, value] : section.members()) {
    if (!value.json().is_null() && key != "type" && key != "rope_theta") own[key] = value.json();
  }
  if (!own.contains("rope_type") && section.has("type")) own["rope_type"] = section.json().at("type");
  if (!own.contains("rope_type"))
    section.reject("has no rope_type, expected linear, dynamic, llama3 or yarn");
  return own;
}

}  // namespace

DecoderLmOptions published_decoder_options(const Config& config) {
  if (holds(config, "use_sliding_window", false)) refuse(config, "use_sliding_window", "false");
  for (const char* key : {"scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn"}) {
    if (holds(config, key, false)) refuse(config, key, "false");
  }
  if (holds(config, "scale_attn_weights", true)) refuse(config, "scale_attn_weights", "true");
  Json own = Json::object();
  for (const auto& [key, value] : config.members()) {
    if (!value.json().is_null()) own[key] = value.json();
  }
  const auto rename = [&](const char* theirs, const char* ours) {
    if (own.contains(theirs) && !own.contains(ours)) own[ours] = own[theirs];
  };
  rename(own.contains("model_type") ? "model_type" : "model", "architecture");
  for (const char* theirs : {"layer_norm_epsilon", "layer_norm_eps", "rms_norm_eps"})
    rename(theirs, "norm_eps");
  rename("rotary_emb_base", "rope_theta");
  for (const char* key : {"rope_parameters", "rope_scaling"}) {  // of the newest transformers, of all others
    if (!config.has(key) || !own.contains(key)) continue;
    const auto section = config.at(key);
    own["rope_scaling"] = rope_scaling_of(section);
    if (section.has("rope_theta")) own["rope_theta"] = section.json().at("rope_theta");
  }
  return options_among<DecoderLmOptions>(Config(std::move(own), config.name(), config.pointer()));
}

}  // namespace arzoo::language
