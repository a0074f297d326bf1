#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "speech/paraformer.h"

namespace arzoo::speech {
namespace {

/// The section without what is null in it.
Config section_of(const Config& config, std::string_view key) {
  Json kept = Json::object();
  if (config.has(key) && !config.json().at(std::string(key)).is_null()) {
    for (const auto& [name, value] : config.at(key).members()) {
      if (!value.json().is_null()) kept[name] = value.json();
    }
  }
  return {std::move(kept), config.name(), config.pointer() + "/" + std::string(key)};
}

void refuse_unless(const Config& section, std::string_view key, const std::vector<Json>& expected,
                   std::string_view said) {
  if (!section.has(key)) return;
  const auto value = section.at(key);
  if (std::find(expected.begin(), expected.end(), value.json()) == expected.end())
    value.reject(fmt::format("is not supported, expected {}", said));
}

/// Options of a class that the modules here do not follow.
void refuse_foreign(const Config& encoder, const Config& decoder, bool conformer) {
  refuse_unless(encoder, "input_layer", conformer ? std::vector<Json>{"conv2d"} : std::vector<Json>{"pe"},
                conformer ? "conv2d" : "pe");
  refuse_unless(encoder, "selfattention_layer_type",
                conformer ? std::vector<Json>{"rel_selfattn", "legacy_rel_selfattn", "selfattn"}
                          : std::vector<Json>{"sanm"},
                conformer ? "rel_selfattn or selfattn" : "sanm");
  refuse_unless(encoder, "rel_pos_type", {"legacy"}, "legacy");
  refuse_unless(encoder, "positionwise_layer_type", {"linear"}, "linear");
  for (const auto* section : {&encoder, &decoder}) {
    refuse_unless(*section, "concat_after", {false}, "false");
  }
  refuse_unless(decoder, "normalize_before", {true}, "true");
  refuse_unless(decoder, "input_layer", {"embed"}, "embed");
  refuse_unless(decoder, "use_output_layer", {true}, "true");
}

}  // namespace

ParaformerOptions published_paraformer_options(const Config& config) {
  const auto encoder = section_of(config, "encoder_conf"), decoder = section_of(config, "decoder_conf"),
             predictor = section_of(config, "predictor_conf");
  Json own = Json::object();
  for (const char* key : {"encoder", "decoder", "predictor", "input_size", "vocab_size"}) {
    if (config.has(key) && !config.json().at(key).is_null()) own[key] = config.json().at(key);
  }
  const bool conformer = own.value("encoder", Json()) == "ConformerEncoder";
  refuse_foreign(encoder, decoder, conformer);
  own["encoder_conf"] = to_json(options_among<EncoderOptions>(encoder));
  own["decoder_conf"] = to_json(options_among<DecoderConf>(decoder));
  auto cif = options_among<PredictorOptions>(predictor);
  // The classes' own defaults differ.
  if (!predictor.has("tail_threshold") && own.value("predictor", Json()) == "CifPredictorV2")
    cif.tail_threshold = 0;
  own["predictor_conf"] = to_json(cif);
  own["model_conf"] = to_json(options_among<LossOptions>(section_of(config, "model_conf")));
  return Config(std::move(own), config.name(), config.pointer()).as<ParaformerOptions>();
}

}  // namespace arzoo::speech
