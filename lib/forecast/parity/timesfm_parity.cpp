#include "forecast/parity/timesfm_parity.h"

#include <torch/torch.h>

#include <algorithm>

#include "forecast/models/timesfm_xreg.h"
#include "forecast/official_folders.h"
#include "forecast/parity/official_replay.h"
#include "forecast/zoo.h"

namespace arzoo::forecast {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::shared_ptr<TimesFm> timesfm_of(const ParityCase& fixture) {
  const auto hub = fixture.folder / "hub";
  const bool published = std::filesystem::exists(hub);
  const auto weights = published ? runtime::open_tensors(hub) : fixture.weights();
  const auto config = config_of_tensors(published ? hub : fixture.folder / "weights.safetensors");
  if (!config) fixture.config.reject("the weights are not TimesFM's");
  auto flat = config->json();
  if (fixture.config.has("quantiles")) flat["quantiles"] = fixture.config.json().at("quantiles");
  const auto official = read_official_config(Config(flat, fixture.config.name()), 0);
  auto model = std::dynamic_pointer_cast<TimesFm>(build(official.model, official.shape));
  fixture.load(*model, weights);
  model->eval();
  return model;
}

void replay_passes(ParityReport& report, const ParityCase& fixture, const TimesFm& model,
                   const TimesFmTrace& trace) {
  const auto check = [&](const std::string& name, const at::Tensor& value) {
    if (fixture.io.contains(name)) report.check(name, value);
  };
  check("patch_mu", trace.patch_mean);
  check("patch_sigma", trace.patch_deviation);
  for (std::size_t i = 0; i < trace.passes.size(); ++i) {
    const auto prefix = fmt::format("pass{}.", i);
    const auto& [inputs, tokens] = trace.passes[i];
    check(prefix + "normed_inputs", inputs);
    check(prefix + "input_embeddings", tokens.input_embeddings);
    check(prefix + "output_embeddings", tokens.output_embeddings);
    check(prefix + "output_ts", model.point_head(tokens.output_embeddings).flatten(2));
    check(prefix + "output_quantile_spread", model.quantile_head(tokens.output_embeddings).flatten(2));
    for (std::size_t layer = 0; layer < tokens.layers.size(); ++layer)
      check(fmt::format("{}layer{}", prefix, layer), tokens.layers[layer]);
  }
}

/// The fixture's own loss of the network without a cache.
void replay_network_gradients(const ParityCase& fixture, ParityReport& report, TimesFm& model,
                              const TimesFmTrace& trace, const at::Tensor& mask) {
  if (!fixture.io.contains("loss")) return;
  const auto& inputs = trace.passes.front().normed_inputs;
  const auto patched = mask.view(inputs.sizes());
  const auto padded = patched.select(2, inputs.size(2) - 1).sum(-1);
  const auto found = model.tokens(inputs.clone(), patched, padded, nullptr);
  const auto loss = model.point_head(found.output_embeddings).square().mean() +
                    model.quantile_head(found.output_embeddings).square().mean();
  report.check("loss", loss);
  loss.backward();
  check_gradients(report, fixture, model);
}

void replay_decode(const ParityCase& fixture, ParityReport& report, TimesFm& model) {
  const auto inputs = fixture.input("inputs").clone(), mask = fixture.input("masks").clone().to(at::kBool);
  TimesFmTrace trace;
  {
    const torch::NoGradGuard no_grad;
    const auto horizon = integer_of(fixture.info.section("params"), "horizon", 1);
    const auto decoded = model.decode(horizon, inputs, mask, /*all_patches=*/true, &trace);
    report.check("renormed_outputs", decoded.outputs);
    report.check("renormed_quantile_spread", decoded.quantile_spread);
    if (fixture.io.contains("ar_outputs")) report.check("ar_outputs", decoded.ar_outputs);
    replay_passes(report, fixture, model, trace);
  }
  replay_network_gradients(fixture, report, model, trace, mask);
}

/// The flags of a call over those of the case; what the official code needs besides means nothing here.
TimesFmFlags flags_of(const Config& base, const Config& changes) {
  auto json = base.json();
  json.merge_patch(changes.json());
  Json known = Json::object();
  for (const auto& field : describe<TimesFmFlags>()) {
    const auto key = field.pointer.substr(1);
    if (json.contains(key)) known[key] = json[key];
  }
  return Config(known, base.name()).as<TimesFmFlags>();
}

void replay_flags(const ParityCase& fixture, ParityReport& report, const TimesFm& model) {
  const c10::InferenceMode inference;
  const auto params = fixture.info.section("params");
  const auto series = numbered_inputs(fixture, "series");
  for (const auto& [name, call] : params.at("calls").members()) {
    const auto flags = flags_of(params.section("base"), call.section("flags"));
    const auto found = model.forecast_with_flags(series, integer_of(call, "horizon", 1), flags);
    report.check(name, found);
    if (fixture.io.contains(name + ".point"))
      report.check(name + ".point", found.select(2, model.median_channel()));
  }
  // forecast_naive of series without missing values: those whose own values it was called with.
  std::vector<at::Tensor> whole;
  for (const auto& one : series) whole.push_back(one.index({one.isnan().logical_not()}));
  for (int64_t i = 0; fixture.io.contains(fmt::format("naive.{}", i)); ++i) {
    const auto name = fmt::format("naive.{}", i);
    const auto meaning = fixture.info.at("outputs").at(name).text("meaning");
    const auto place = meaning.find("series ");
    const auto chosen = place == std::string::npos ? i : std::stoll(meaning.substr(place + 7));
    if (chosen < 0 || chosen >= static_cast<int64_t>(whole.size()))
      fixture.info.at("outputs").at(name).reject("says no series");
    report.check(name,
                 model.forecast_naive(whole[static_cast<std::size_t>(chosen)], fixture.io.at(name).size(0)));
  }
}

std::string category_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

/// A covariate of history and horizon in one list.
ZeroShotCovariate split_categories(const std::string& name, const Config& list, int64_t history,
                                   int64_t horizon) {
  ZeroShotCovariate covariate{name, true, {}, {}, {}, {}, {}};
  int64_t t = 0;
  for (const auto& cell : list.elements()) {
    if (t >= history + horizon) break;
    const auto text = category_text(cell.json());
    auto found = std::find(covariate.categories.begin(), covariate.categories.end(), text);
    if (found == covariate.categories.end()) found = covariate.categories.insert(found, text);
    const auto code = static_cast<int32_t>(found - covariate.categories.begin());
    (t++ < history ? covariate.past_codes : covariate.future_codes).push_back(code);
  }
  return covariate;
}

/// The series with horizons that a call cuts their covariates to.
std::vector<ZeroShotSeries> xreg_series(const ParityCase& fixture, const std::vector<int64_t>& horizons) {
  const auto params = fixture.info.section("params");
  const auto targets = numbered_inputs(fixture, "series");
  std::vector<ZeroShotSeries> all;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const int64_t history = targets[i].size(0), horizon = horizons.at(i);
    ZeroShotSeries series{std::to_string(i), targets[i].cpu().unsqueeze(0), {}};
    const auto suffix = fmt::format(".{}", i);
    for (const auto& [name, entry] : fixture.info.at("inputs").members()) {
      if (name.starts_with("series.") || !name.ends_with(suffix)) continue;
      const auto values = fixture.input(name).clone().cpu();
      series.covariates.push_back({name.substr(0, name.size() - suffix.size()),
                                   true,
                                   values.narrow(0, 0, history),
                                   values.narrow(0, history, horizon),
                                   {},
                                   {},
                                   {}});
    }
    for (const auto& [name, lists] : params.section("dynamic_categorical").members())
      series.covariates.push_back(split_categories(name, lists.element(i), history, horizon));
    all.push_back(std::move(series));
  }
  return all;
}

std::vector<StaticCovariate> static_covariates(const Config& params) {
  std::vector<StaticCovariate> all;
  for (const auto& [name, list] : params.section("static_numerical").members())
    all.push_back({name, numbers_in(list), {}});
  for (const auto& [name, list] : params.section("static_categorical").members()) {
    StaticCovariate covariate{name, {}, {}};
    for (const auto& cell : list.elements()) covariate.categories.push_back(category_text(cell.json()));
    all.push_back(std::move(covariate));
  }
  return all;
}

std::vector<int64_t> horizons_of(const Config& section) {
  std::vector<int64_t> horizons;
  section.at("horizons").read(horizons, {});
  return horizons;
}

/// Design matrices and fits of the raw targets, by what the official code calls their kind: "first" without
/// ridge, "None" with one.
void replay_designs(const ParityCase& fixture, ParityReport& report,
                    std::span<const StaticCovariate> statics) {
  const auto params = fixture.info.section("params");
  const auto series = xreg_series(fixture, horizons_of(params));
  std::vector<at::Tensor> targets;
  for (const auto& one : series) targets.push_back(one.targets[0]);
  for (const std::string kind : {"first", "None"}) {
    const auto prefix = "design." + kind;
    if (!fixture.io.contains(prefix + ".train")) continue;
    double ridge = 0.0;
    const auto fit_name = "fit." + kind + ".0.horizon";
    if (fixture.io.contains(fit_name)) {
      const auto meaning = fixture.info.at("outputs").at(fit_name).text("meaning");
      ridge = std::stod(meaning.substr(meaning.rfind(' ') + 1));
    } else if (kind == "None") {
      ridge = 1.0;
    }
    const auto design = design_matrix(series, statics, ridge);
    report.check(prefix + ".train", design.history);
    report.check(prefix + ".test", design.horizon);
    const auto fit = fit_xreg(design, targets, ridge);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const auto name = fmt::format("fit.{}.{}.", kind, i);
      if (fixture.io.contains(name + "horizon")) report.check(name + "horizon", fit.horizon[i]);
      if (fixture.io.contains(name + "context")) report.check(name + "context", fit.history[i]);
    }
  }
}

void replay_xreg(const ParityCase& fixture, ParityReport& report, const TimesFm& model) {
  const c10::InferenceMode inference;
  const auto params = fixture.info.section("params");
  const auto statics = static_covariates(params);
  replay_designs(fixture, report, statics);
  const auto flags = flags_of(params.at("forecast_config"), Config(Json::object(), "call"));
  for (const auto& [name, call] : params.at("calls").members()) {
    XRegOptions options;
    if (call.has("ridge")) call.at("ridge").read(options.ridge, at_least(0));
    if (call.has("normalize_xreg_target_per_input"))
      call.at("normalize_xreg_target_per_input").read(options.normalize_target, {});
    const auto mode =
        call.text("xreg_mode") == "timesfm + xreg" ? XRegMode::model_first : XRegMode::regression_first;
    const auto found =
        forecast_with_xreg(model, xreg_series(fixture, horizons_of(call)), statics, flags, mode, options);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto prefix = fmt::format("{}.{}.", name, i);
      report.check(prefix + "point", found[i].select(1, model.median_channel()));
      report.check(prefix + "quantiles", found[i]);
    }
  }
}

}  // namespace

void replay_timesfm(const ParityCase& fixture, ParityReport& report) {
  const auto kind = fixture.info.text("kind");
  const auto model = timesfm_of(fixture);
  if (kind == "forward") return replay_decode(fixture, report, *model);
  if (kind != "predict") fixture.info.at("kind").reject(fmt::format("\"{}\" is of no known kind", kind));
  if (fixture.info.section("params").has("forecast_config")) return replay_xreg(fixture, report, *model);
  replay_flags(fixture, report, *model);
}

}  // namespace arzoo::forecast
