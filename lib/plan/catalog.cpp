#include "plan/catalog.h"

#include <fmt/ranges.h>

#include <sstream>

#include "core/closest.h"
#include "distill/data_options.h"
#include "distill/models.h"
#include "forecast/data_options.h"
#include "forecast/models.h"
#include "forecast/shape_check.h"
#include "icl/data_options.h"
#include "icl/models.h"
#include "image/data_options.h"
#include "image/models.h"
#include "shape3d/data_options.h"
#include "shape3d/models.h"

namespace arzoo::plan {
namespace {

template <class Models, std::size_t... I>
std::vector<ModelCard> cards(std::string_view family, std::index_sequence<I...>) {
  return {model_card<std::tuple_element_t<I, Models>>(family)...};
}

template <class Options>
Json resolve(const Config& section) {
  return to_json(section.as<Options>());
}

template <class Models, class DataOptions, class EvaluationOptions>
FamilyCard family(std::string_view name, std::string_view commands, void (*check)(const Config& run)) {
  return {name,
          commands,
          &resolve<DataOptions>,
          &resolve<EvaluationOptions>,
          check,
          &describe<DataOptions>,
          &describe<EvaluationOptions>,
          cards<Models>(name, std::make_index_sequence<std::tuple_size_v<Models>>())};
}

/// One forecaster's demands on its data.
template <class Options>
void check_forecaster(const Config& model, const Config& section) {
  if (model.text("name") != Options::kName) return;
  const auto data = section.as<forecast::DataOptions>();
  if (!data.sources.empty() && !forecast::is_channel_independent<Options>()) {
    section.at("sources").reject(
        fmt::format("{} mixes the variates of one file, it cannot be trained on a mixture of files (use "
                    "\"path\", or a model that "
                    "forecasts each variate by itself)",
                    Options::kName));
  }
  if constexpr (!std::is_same_v<Options, forecast::TimeMoeOptions>) {
    const auto refuse = [&](const char* key, const char* what) {
      section.at(key).reject(
          fmt::format("{} {} (the model {} can be)", Options::kName, what, forecast::TimeMoeOptions::kName));
    };
    if (!data.sequences.path.empty()) refuse("sequences", "cannot be trained on series without a calendar");
    if (data.scale_windows) refuse("scale_windows", "cannot be trained to forecast any series");
  }
  const forecast::SeriesShape shape{
      .seq_len = data.seq_len, .label_len = data.label_len, .pred_len = data.pred_len};
  forecast::check_shape(model_options<Options>(model), shape, model);
}

template <std::size_t... I>
void check_forecasters(const Config& model, const Config& data, std::index_sequence<I...>) {
  (check_forecaster<std::tuple_element_t<I, forecast::Models>>(model, data), ...);
}

void check_forecast_run(const Config& run) {
  forecast::check_calendar(run);
  check_forecasters(run.at("model"), run.at("data"),
                    std::make_index_sequence<std::tuple_size_v<forecast::Models>>());
}

void check_nothing(const Config&) {}

/// The section of the data that a learner reads; nothing for another model.
template <class Options>
void find_section(const Config& model, std::string& section) {
  if (model.text("name") == Options::kName) section = Options::kData;
}

template <std::size_t... I>
std::string learner_section(const Config& model, std::index_sequence<I...>) {
  std::string section;
  (find_section<std::tuple_element_t<I, icl::Models>>(model, section), ...);
  return section;
}

/// A learner's prompts are described by one section; the others must be left alone.
void check_icl_run(const Config& run) {
  const auto model = run.at("model");
  const auto own = learner_section(model, std::make_index_sequence<std::tuple_size_v<icl::Models>>());
  const Json defaults = to_json(icl::DataOptions());
  for (const auto& [key, section] : run.at("data").members()) {
    if (!section.json().is_object() || key == own || section.json() == defaults.at(key)) continue;
    section.reject(fmt::format("{} does not read this section (it reads \"{}\")", model.text("name"), own));
  }
}

}  // namespace

const std::vector<FamilyCard>& families() {
  static const std::vector<FamilyCard> all{
      family<forecast::Models, forecast::DataOptions, forecast::EvaluationOptions>(
          "forecast", "train forecast bench", &check_forecast_run),
      family<image::Models, image::DataOptions, image::EvaluationOptions>("image", "train bench",
                                                                          &check_nothing),
      family<shape3d::Models, shape3d::DataOptions, shape3d::EvaluationOptions>("shape3d", "train bench",
                                                                                &check_nothing),
      family<icl::Models, icl::DataOptions, icl::EvaluationOptions>("icl", "train bench", &check_icl_run),
      family<distill::Models, distill::DataOptions, distill::EvaluationOptions>("distill", "distill bench",
                                                                                &check_nothing),
  };
  return all;
}

ModelChoice find_model(const Config& name) {
  const std::string wanted = name.text();
  std::vector<std::string> known;
  for (const auto& family : families()) {
    for (const auto& model : family.models) {
      if (model.name == wanted) return {family, model};
      known.emplace_back(model.name);
    }
  }
  const auto near = closest(wanted, known);
  name.reject(fmt::format("no model is called \"{}\"{}", wanted,
                          near ? fmt::format(" (did you mean \"{}\"?)", *near)
                               : fmt::format(" (known: {})", fmt::join(known, ", "))));
}

std::vector<std::string> commands_of(const ModelChoice& choice) {
  std::istringstream words{std::string(choice.family.commands)};
  std::vector<std::string> commands;
  for (std::string word; words >> word;) commands.push_back(word);
  const auto is_among = [&](const auto& models) {
    return std::apply([&](const auto&... options) { return ((choice.model.name == options.kName) || ...); },
                      models);
  };
  if (is_among(image::Generators()) || is_among(distill::Models()))
    commands.insert(commands.end() - 1, "generate-image");
  if (is_among(shape3d::Generators())) commands.insert(commands.end() - 1, "generate-3d");
  return commands;
}

}  // namespace arzoo::plan
