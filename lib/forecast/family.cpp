#include "forecast/family.h"

#include "forecast/experiment.h"
#include "forecast/inference_work.h"
#include "forecast/models.h"
#include "forecast/parity.h"
#include "forecast/sequence_experiment.h"
#include "forecast/shape_check.h"
#include "forecast/tuning_experiment.h"
#include "forecast/zoo.h"

namespace arzoo::forecast {
namespace {

std::shared_ptr<torch::nn::Module> build_with_defaults(const Config& model) {
  return build(model, SeriesShape{.enc_in = 7, .c_out = 7});
}

template <class Options>
std::unique_ptr<runtime::Experiment> make_forecast_experiment(const Config& run,
                                                              const runtime::Compute& compute) {
  if constexpr (forecasts_any_series<Options>()) {
    if (!run.at("data").as<DataOptions>().sequences.path.empty())
      return std::make_unique<SequenceExperiment>(run, compute);
  }
  if constexpr (cuts_at_random<Options>()) {
    if (run.at("data").as<DataOptions>().random_cuts) return std::make_unique<TuningExperiment>(run, compute);
  }
  return std::make_unique<ForecastExperiment>(run, compute);
}

/// A forecaster's source defines make<Options>() alone: the rest is the same for all of them.
template <class Options>
const runtime::ModelEntry* forecaster_entry() {
  static const runtime::ModelEntry entry{.name = Options::kName,
                                         .build = &build_with_defaults,
                                         .experiment = &make_forecast_experiment<Options>,
                                         .speed_work = &make_inference_work};
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

}  // namespace

const runtime::Family& family() {
  static const runtime::Family family{.name = "forecast",
                                      .models = entries(),
                                      .fixture_folders = {"chronos2", "chronos_bolt", "forecast", "patchtst",
                                                          "time_moe", "timesfm", "timexer"},
                                      .replay = &replay};
  return family;
}

}  // namespace arzoo::forecast
