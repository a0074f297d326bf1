// What every model of every family must keep, with its tiny config.

#include <cmath>

#include "forecast/experiment.h"
#include "forecast/forecast_model.h"
#include "registry/catalog.h"
#include "registry/registry.h"
#include "runtime/optimizer.h"
#include "runtime/training_options.h"
#include "runtime/training_step.h"
#include "support/tasks.h"
#include "tasks/weight_options.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

struct ZooEntry {
  std::string family, model;
};

/// Those of all families, or only of the families that serve `command`.
std::vector<ZooEntry> zoo_models(std::string_view command = "") {
  std::vector<ZooEntry> all;
  for (const auto& family : registry::family_cards()) {
    if (family.commands.find(command) == std::string_view::npos) continue;
    for (const auto& model : family.models)
      all.push_back({std::string(family.name), std::string(model.name)});
  }
  return all;
}

/// Those that are trained, by whatever command.
std::vector<ZooEntry> trained_models() {
  auto all = zoo_models("train");
  const auto students = zoo_models("distill");
  all.insert(all.end(), students.begin(), students.end());
  return all;
}
ZooEntry any_model() { return GENERATE(from_range(trained_models())); }

fs::path tiny_config_of(const ZooEntry& entry) {
  return test::source_dir() / "configs" / entry.family / (entry.model + "_tiny.json");
}

Json resolved(const fs::path& path) {
  return plan::resolve_run_config(Config::load(path), path.parent_path());
}

/// The model's tiny experiment, freshly initialised from the config's seed.
std::unique_ptr<runtime::Experiment> tiny_experiment(const ZooEntry& entry,
                                                     const Json& changes = Json::object()) {
  auto json = resolved(tiny_config_of(entry));
  json.merge_patch(changes);
  const Config config(json, entry.model);
  runtime::seed(json["seed"].get<int64_t>());
  return registry::entry_of(config.at("model")).experiment(config, {});
}

/// The forecaster of an experiment and windows for it; nothing for a family that does not forecast.
struct Windows {
  forecast::Forecaster& model;
  forecast::ForecastBatch batch;
};
Windows windows_of(runtime::Experiment& experiment, const std::vector<int64_t>& indices) {
  auto& forecasting = dynamic_cast<forecast::ForecastExperiment&>(experiment);
  return {dynamic_cast<forecast::Forecaster&>(experiment.model()),
          forecasting.data().batch(runtime::Split::train, indices)};
}

/// What officially starts at zero (the last maps of a diffusion head, the map to LlamaGen's logits) holds
/// back the gradients of all before it, and hides them.
void move_off_zero(torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model.parameters()) {
    if (parameter.count_nonzero().item<int64_t>() == 0) parameter.normal_(0.0, 0.02);
  }
}

}  // namespace

TEST_CASE("every config file is strict and complete") {
  for (const auto& file : fs::recursive_directory_iterator(test::source_dir() / "configs")) {
    const auto& path = file.path();
    const auto room = path.parent_path().filename();  // suites and search spaces are no configs
    if (path.extension() != ".json" || path.string().find("/configs/bench/") != std::string::npos ||
        room == "search")
      continue;
    INFO(path);
    CHECK_NOTHROW(resolved(path));
    // What is written into a run directory parses again, to the same.
    const auto once = resolved(path);
    CHECK(plan::resolve_run_config(Config(once, "again"), ".") == once);
  }
}

TEST_CASE("every model has a tiny config, and its default config is complete") {
  const auto entry = GENERATE(from_range(zoo_models()));
  INFO(entry.model);
  CHECK(resolved(tiny_config_of(entry))["model"]["name"] == entry.model);
  auto config = plan::default_run_config(registry::find_model(Config(entry.model, "contract")));
  if (config["data"].contains("path")) config["data"]["path"] = "any.csv";
  CHECK(plan::resolve_run_config(Config(config, "default"), ".") == config);
}

TEST_CASE("the losses reach every parameter with a finite gradient") {
  const auto entry = any_model();
  const auto experiment = tiny_experiment(entry);
  experiment->model().train();
  move_off_zero(experiment->model());
  // Where parts take turns, each has had its own within these batches.
  for (const int64_t batch : {0, 1, 2}) {
    experiment->prepare(batch);
    const auto losses = experiment->loss(batch);
    CHECK(losses.total.dim() == 0);
    losses.total.backward();
  }
  for (const auto& parameter : experiment->model().named_parameters()) {
    INFO(entry.model << " " << parameter.key());
    if (!parameter.value().requires_grad()) continue;
    const auto& gradient = parameter.value().grad();
    // A key's bias alone is what a softmax takes out again: its gradient is 0 and not even computed.
    if (parameter.key().ends_with("SelfAttention_0/key/bias") || parameter.key().ends_with("lin_k.bias")) {
      CHECK_FALSE(gradient.defined());
      continue;
    }
    // The only token of Chronos-Bolt's decoder sees itself, whatever its query, key and bias.
    const bool sees_itself = parameter.key().starts_with("decoder.") &&
                             parameter.key().find(".SelfAttention.") != std::string::npos;
    if (entry.model == "chronos_bolt" && sees_itself && !parameter.key().ends_with(".v.weight") &&
        !parameter.key().ends_with(".o.weight")) {
      CHECK_FALSE(gradient.defined());
      continue;
    }
    // A MAR's student sees every place and always knows the class.
    if (entry.model == "dd1_mar" &&
        (parameter.key() == "gen.fake_latent" || parameter.key() == "gen.mask_token"))
      continue;
    // The hinge of real pictures pushes a discriminator's last bias up as much as that of generated ones
    // down.
    if (parameter.key() == "discriminator.main.8.bias") continue;
    REQUIRE(gradient.defined());
    CHECK(gradient.isfinite().all().item<bool>());
    CHECK(gradient.abs().max().item<double>() > 0.0);
  }
}

TEST_CASE("weights of bf16 take a step, or the model is refused by its name") {
  const auto entry = any_model();
  INFO(entry.model);
  auto json = resolved(tiny_config_of(entry));
  json["training"]["param_dtype"] = "bf16";
  const Config config(json, entry.model);
  const auto options = runtime::training_options(config);
  try {
    tasks::check_weight_options(config, options);
  } catch (const ConfigError& error) {
    CHECK_THAT(error.what(), ContainsSubstring("param_dtype: " + entry.model + " trains with fp32 weights"));
    return;
  }
  const auto experiment = tiny_experiment(entry);
  experiment->model().train();
  runtime::Optimizer optimizer(experiment->model(), options, {});
  runtime::Compute compute;
  compute.dtype = at::kBFloat16;
  CHECK(
      std::isfinite(runtime::training_step(*experiment, optimizer, options, compute, /*step=*/0, 1e-3).mean));
}

TEST_CASE("the same seed gives the same numbers, another seed gives others") {
  const auto entry = any_model();
  INFO(entry.model);
  const auto loss_of = [&](int64_t seed) {
    const auto experiment = tiny_experiment(entry, {{"seed", seed}});
    experiment->model().train();
    move_off_zero(experiment->model());
    return experiment->loss(3).total.item<double>();
  };
  CHECK(loss_of(1) == loss_of(1));
  CHECK(loss_of(1) != loss_of(2));
}

TEST_CASE("a forecast is [windows, pred_len, variates], and a window's own whatever stands beside it") {
  const auto entry = any_model();
  if (entry.family != "forecast") return;
  INFO(entry.model);
  const auto experiment = tiny_experiment(entry);
  experiment->model().eval();
  const c10::InferenceMode inference;
  auto [model, batch] = windows_of(*experiment, {5, 700, 31});
  const auto together = model.forecast(batch);
  CHECK(forecast::scored_channels(together, batch.target).sizes() == batch.target.sizes());
  for (int64_t i = 0; i < 3; ++i) {
    auto [same_model, alone] = windows_of(*experiment, {std::vector<int64_t>{5, 700, 31}[std::size_t(i)]});
    CHECK(at::allclose(same_model.forecast(alone)[0], together[i], 1e-5, 1e-5));
  }
}

TEST_CASE("evaluating twice gives the same errors") {
  const auto entry = any_model();
  INFO(entry.model);
  const auto experiment = tiny_experiment(entry);
  const auto first = experiment->evaluate(runtime::Split::val);
  REQUIRE_FALSE(first.empty());
  experiment->loss(0);
  CHECK(experiment->evaluate(runtime::Split::val) == first);
}

/// The share of its first loss that a model falls below in 60 steps on eight samples.
double share_of(const std::string& model) {
  return model == "argus3d_vq" ? 0.9 : 0.7;  // its tiny planes all take one code at first
}

/// Eight samples; batch 0 over and over must not be the one at which VAT draws its code vectors anew.
Json eight_samples(const std::string& model) {
  Json changes{{"training", {{"batch_size", 8}}}};
  if (model == "vat") changes["model"]["continuous_batches"] = 1;
  return changes;
}

TEST_CASE("the loss falls on eight fixed samples") {
  const auto entry = any_model();
  INFO(entry.model);
  const auto experiment = tiny_experiment(entry, eight_samples(entry.model));
  runtime::TrainingOptions options;
  runtime::Optimizer optimizer(experiment->model().parameters(), options);
  experiment->model().train();
  const auto loss = [&] { return experiment->loss(0).total.item<double>(); };
  const double before = loss(), low_enough = share_of(entry.model) * before;
  int low_in_a_row = 0;
  // Most models are there after a few steps, and stay: of random inputs one loss may be low by chance.
  for (int step = 1; step <= 60 && low_in_a_row < 3; ++step) {
    runtime::training_step(*experiment, optimizer, options, {}, /*step=*/0, 3e-3);
    if (step % 5 == 0) low_in_a_row = loss() < low_enough ? low_in_a_row + 1 : 0;
  }
  CHECK(low_in_a_row > 0);
}

TEST_CASE("a saved model has the weights and the forecasts of the one that was trained") {
  const auto entry = any_model();
  if (entry.family != "forecast") return;
  INFO(entry.model);
  const TempDir temp;
  const auto experiment = tiny_experiment(entry);
  fs::create_directories(temp / "model");
  experiment->save(temp / "model");
  const auto opened = forecast::ForecastModel::open(temp / "model", std::nullopt, {});
  experiment->model().eval();
  const c10::InferenceMode inference;
  auto [model, batch] = windows_of(*experiment, {0, 99});
  CHECK(at::equal(opened.module().forecast(batch), model.forecast(batch)));
}
