#include "forecast/family.h"

#include "forecast/commands/forecast_command.h"
#include "forecast/commands/stream_work.h"
#include "forecast/data/covariates.h"
#include "forecast/experiment.h"
#include "forecast/inference_work.h"
#include "forecast/models.h"
#include "forecast/parity/parity.h"
#include "forecast/sequence_experiment.h"
#include "forecast/shape_check.h"
#include "forecast/tuning_experiment.h"
#include "forecast/zero_shot.h"
#include "forecast/zoo.h"

namespace arzoo::forecast {
namespace {

std::shared_ptr<torch::nn::Module> build_with_defaults(const Config& model) {
  return build(model, SeriesShape{.enc_in = 7, .c_out = 7});
}

/// Whether a run trains on sequences of their own files, not on windows of a table.
template <class Options>
bool takes_sequences(const Config& run) {
  if constexpr (!forecasts_any_series<Options>()) return false;
  return !run.at("data").as<DataOptions>().sequences.path.empty();
}

/// Whether a run trains on series cut at random places.
template <class Options>
bool takes_random_cuts(const Config& run) {
  if constexpr (!cuts_at_random<Options>()) return false;
  return run.at("data").as<DataOptions>().random_cuts;
}

template <class Options>
std::unique_ptr<runtime::Experiment> make_forecast_experiment(const Config& run,
                                                              const runtime::Compute& compute) {
  if (takes_sequences<Options>(run)) return std::make_unique<SequenceExperiment>(run, compute);
  if (takes_random_cuts<Options>(run)) return std::make_unique<TuningExperiment>(run, compute);
  return std::make_unique<ForecastExperiment>(run, compute);
}

template <class Options>
std::unique_ptr<runtime::SpeedWork> make_forecast_work(const runtime::SpeedRequest& request,
                                                       const runtime::Compute& compute) {
  if (request.work == "inference") return make_inference_work(request, compute);
  // A stream answers windows of the data that the model was trained on.
  const bool has_windows = !takes_sequences<Options>(request.run) && !takes_random_cuts<Options>(request.run);
  if (request.work == "stream" && has_windows) return make_stream_work(request, compute);
  return nullptr;
}

/// A forecaster's source defines make<Options>() alone: the rest is the same for all of them.
template <class Options>
const runtime::ModelEntry* forecaster_entry() {
  static const runtime::ModelEntry entry{.name = Options::kName,
                                         .build = &build_with_defaults,
                                         .experiment = &make_forecast_experiment<Options>,
                                         .speed_work = &make_forecast_work<Options>};
  return &entry;
}

std::vector<const runtime::ModelEntry*> entries() {
  return std::apply(
      [](const auto&... options) {
        return std::vector<const runtime::ModelEntry*>{
            forecaster_entry<std::decay_t<decltype(options)>>()...};
      },
      Models());
}

/// {"columns": {part: columns}} where the config says what the parts of a model's columns are.
Json describe_columns(const Config& model) {
  auto roles = describe_roles(model);
  return roles.is_null() ? Json::object() : Json{{"columns", std::move(roles)}};
}

}  // namespace

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "forecast",
      .models = entries(),
      .fixture_folders = {"chronos2", "chronos_bolt", "forecast", "patchtst", "time_moe", "timesfm",
                          "timexer"},
      .replay = &replay,
      .cells = {{.keys = {"data"}, .read = &read_zero_shot}},
      .commands = {runtime::family_command<plan::ForecastTask, &run_forecast>()},
      .describe_folder = &describe_columns};
  return family;
}

}  // namespace arzoo::forecast
