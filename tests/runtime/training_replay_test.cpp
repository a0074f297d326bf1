#include "runtime/training_replay.h"

#include <cmath>

#include "runtime/lr_schedule.h"
#include "runtime/safetensors.h"
#include "support/toy_experiment.h"

using namespace arzoo;
using test::TempDir;
using test::ToyExperiment;

namespace {

constexpr int64_t kReplaySteps = 6;

const std::vector<std::string>& toy_names() {
  static const std::vector<std::string> names{"inner.weight", "inner.bias", "outer.weight", "outer.bias"};
  return names;
}

/// Options in which every part of the step has something to do.
runtime::TrainingOptions recorded_options() {
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.learning_rate = 0.05;
  options.weight_decay = 0.1;
  options.final_weight_decay = 0.4;
  options.lradj = "cosine";
  options.warmup_steps = 2;
  options.clip_grad_norm = 0.05;
  return options;
}

/// A replay of the toy's training from its first step.
struct ToyReplay {
  ToyExperiment toy;
  runtime::RecordedTraining training{
      .model = toy.model(), .options = recorded_options(), .steps = kReplaySteps};

  explicit ToyReplay(test::ToyFaults faults = {}) : toy(std::move(faults)) {
    training.loss = [this](int64_t step) { return toy.loss(step); };
  }
  runtime::TrainingLog run() {
    torch::manual_seed(3);  // of the dropout
    return runtime::replay_training(training);
  }
};

}  // namespace

TEST_CASE("a replay takes the production step: its weights and losses are those of the trainer's calls") {
  ToyReplay replay;
  const auto log = replay.run();

  ToyExperiment toy;
  torch::manual_seed(3);
  const auto options = recorded_options();
  runtime::Optimizer optimizer(toy.model(), options);
  REQUIRE(log.losses.size() == static_cast<std::size_t>(kReplaySteps));
  for (int64_t step = 0; step < kReplaySteps; ++step) {
    const auto place = static_cast<std::size_t>(step);
    const double rate = runtime::learning_rate(options, step, kReplaySteps, kReplaySteps);
    const double decay = runtime::weight_decay(options, step, kReplaySteps);
    optimizer.set_weight_decay(decay);
    const auto losses = runtime::training_step(toy, optimizer, options, {}, step, rate);
    CHECK(log.losses[place] == losses.mean);
    CHECK(log.gradient_norms[place] == losses.gradient_norm);
    CHECK(log.learning_rates[place] == rate);
    CHECK(log.weight_decays[place] == decay);
    CHECK(log.first_betas[place] == 0.9);
  }
  const auto replayed = replay.toy.model().named_parameters(), trained = toy.model().named_parameters();
  for (const auto& name : toy_names()) CHECK(at::equal(replayed[name], trained[name]));
  CHECK(replay.toy.batches == toy.batches);
}

TEST_CASE("the schedule is that of the whole run, of which a case may be the beginning") {
  ToyReplay beginning;
  beginning.training.total_steps = 100;
  beginning.training.steps_per_epoch = 10;
  const auto log = beginning.run();
  const auto options = recorded_options();
  for (int64_t step = 0; step < kReplaySteps; ++step)
    CHECK(log.learning_rates[static_cast<std::size_t>(step)] ==
          runtime::learning_rate(options, step, 10, 100));
  CHECK(log.weight_decays.back() < 0.11);
  CHECK(ToyReplay().run().weight_decays.back() > 0.3);
}

TEST_CASE("recorded schedules take the place of the options'") {
  ToyReplay replay;
  replay.training.learning_rate = [](int64_t) { return 0.0; };
  replay.training.weight_decay = [](int64_t step) { return static_cast<double>(step); };
  const auto before = runtime::weight_norms(replay.toy.model(), toy_names());
  const auto log = replay.run();
  CHECK(log.learning_rates == std::vector<double>(kReplaySteps, 0.0));
  CHECK(log.weight_decays == std::vector<double>{0, 1, 2, 3, 4, 5});
  CHECK(at::equal(runtime::weight_norms(replay.toy.model(), toy_names()), before));  // a rate of 0
}

TEST_CASE("gradient norms are those before clipping, and are there where nothing is clipped") {
  ToyReplay clipped, whole;
  whole.training.options.clip_grad_norm = 0.0;
  std::vector<double> complete, used;
  clipped.training.on_gradients = [&](int64_t step) {
    CHECK(step == static_cast<int64_t>(complete.size()));
    complete.push_back(runtime::gradient_norms(clipped.toy.model(), toy_names()).norm().item<double>());
  };
  clipped.training.after_step = [&](int64_t, const runtime::Losses&) {
    used.push_back(runtime::gradient_norms(clipped.toy.model(), toy_names()).norm().item<double>());
  };
  const auto log = clipped.run();
  CHECK(log.gradient_norms.front() == Approx(whole.run().gradient_norms.front()).epsilon(1e-6));
  REQUIRE(used.size() == static_cast<std::size_t>(kReplaySteps));
  for (std::size_t step = 0; step < used.size(); ++step) {
    CHECK(log.gradient_norms[step] > 0.05);
    CHECK(complete[step] == Approx(log.gradient_norms[step]).epsilon(1e-6));
    CHECK(used[step] == Approx(0.05).epsilon(1e-4));
  }
}

TEST_CASE("what is done to complete gradients is what the step uses") {
  ToyReplay replay;
  replay.training.options.weight_decay = 0.0;
  replay.training.options.final_weight_decay = {};
  const auto bias = replay.toy.model().named_parameters()["inner.bias"];
  const auto before = bias.detach().clone();
  replay.training.on_gradients = [&](int64_t) { bias.grad().zero_(); };
  replay.run();
  CHECK(at::equal(bias, before));
}

TEST_CASE("averages are exponential ones of the weights after each step, or the weights themselves") {
  constexpr double kDecay = 0.75;
  ToyReplay replay;
  replay.training.options.ema_decay = kDecay;
  auto expected = replay.toy.model().named_parameters()["outer.weight"].detach().to(at::kDouble);
  replay.training.after_step = [&](int64_t, const runtime::Losses&) {
    const auto weight = replay.toy.model().named_parameters()["outer.weight"].detach();
    expected = kDecay * expected + (1.0 - kDecay) * weight.to(at::kDouble);
  };
  const auto log = replay.run();
  CHECK(log.averages.size() == toy_names().size());
  CHECK(at::allclose(log.averages.at("outer.weight").to(at::kDouble), expected, 1e-6, 1e-7));
  CHECK_FALSE(
      at::equal(log.averages.at("outer.weight"), replay.toy.model().named_parameters()["outer.weight"]));

  ToyReplay plain;
  const auto weights = plain.run().averages;
  CHECK(at::equal(weights.at("outer.weight"), plain.toy.model().named_parameters()["outer.weight"]));
}

TEST_CASE("a parameter that is not trained stays and is its own average") {
  ToyReplay replay;
  replay.training.options.ema_decay = 0.5;
  const auto frozen = replay.toy.model().named_parameters()["inner.weight"];
  frozen.set_requires_grad(false);
  const auto before = frozen.clone();
  const auto log = replay.run();
  CHECK(at::equal(frozen, before));
  CHECK(at::equal(log.averages.at("inner.weight"), before));
  CHECK_FALSE(at::equal(log.averages.at("inner.bias"), replay.toy.model().named_parameters()["inner.bias"]));
}

TEST_CASE("a replay that begins with another weight fails against the recorded norms and names the place") {
  const TempDir temp;
  ToyReplay official;
  const auto losses = official.run().losses;
  const auto norms = runtime::weight_norms(official.toy.model(), toy_names());
  temp.write("toys/one/case.json",
             R"({"tolerance": {"rtol": 1e-6, "atol": 0}, "outputs": {"losses": {}, "norms": {}},
                                       "names": ["inner.weight", "inner.bias", "outer.weight", "outer.bias"]})");
  temp.write("toys/one/config.json", "{}");
  runtime::write_safetensors(temp / "toys" / "one" / "io.safetensors",
                             {{"losses", at::tensor(losses, at::kDouble)}, {"norms", norms}});
  const auto fixture = runtime::ParityCase::open(temp / "toys" / "one");
  const auto names = runtime::listed_names(fixture, "names");
  CHECK(names == toy_names());
  const auto report_of = [&](double shift) {
    ToyReplay replay;
    {
      const torch::NoGradGuard no_grad;
      replay.toy.model().named_parameters()["outer.bias"].add_(shift);
    }
    const auto log = replay.run();
    runtime::ParityReport report(fixture);
    report.check("losses", at::tensor(log.losses, at::kDouble));
    report.check("norms", runtime::weight_norms(replay.toy.model(), names));
    return report;
  };
  CHECK(report_of(0.0).passed());
  const auto failed = report_of(1e-3);
  CHECK_FALSE(failed.passed());
  for (const auto& output : failed.outputs()) {
    INFO(output.name);
    CHECK_FALSE(output.passed);
    CHECK_FALSE(output.worst.empty());
  }
}

TEST_CASE("norms are of the parameters by name, and a name that is none is told") {
  ToyExperiment toy;
  const auto bias = toy.model().named_parameters()["inner.bias"];
  {
    const torch::NoGradGuard no_grad;
    bias.fill_(0.5);
  }
  CHECK(runtime::weight_norms(toy.model(), {"inner.bias"})[0].item<double>() == Approx(std::sqrt(8 * 0.25)));
  CHECK(runtime::gradient_norms(toy.model(), {"inner.bias"})[0].item<double>() == 0.0);  // none yet
  bias.mutable_grad() = at::ones({8});
  CHECK(runtime::gradient_norms(toy.model(), {"inner.bias"})[0].item<double>() == Approx(std::sqrt(8.0)));
  CHECK_THROWS_WITH(runtime::weight_norms(toy.model(), {"inner.gamma"}),
                    ContainsSubstring("the case lists inner.gamma, which is no parameter"));
}

TEST_CASE("a loss that is not finite ends the replay and names its step") {
  ToyReplay replay({.infinite_batch = 2});
  CHECK_THROWS_WITH(replay.run(), ContainsSubstring("step 3: the loss is inf"));
}
