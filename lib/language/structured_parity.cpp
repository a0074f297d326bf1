#include <torch/torch.h>

#include "language/fixture.h"
#include "language/nano_gpt.h"
#include "language/structured_model.h"
#include "runtime/lr_schedule.h"

namespace arzoo::language {
namespace {

// The share of the guides in the recorded mixed pass.
constexpr double kRecordedShare = 0.3;

void refuse_unless(const Config& config, std::string_view key, const Json& only) {
  if (!config.has(key)) return;
  const auto value = config.at(key);
  if (value.json() != only) value.reject(fmt::format("is not supported, expected {}", dump_json(only)));
}

StructuredOptions options_of(const ParityCase& fixture, const runtime::NamedTensors& weights) {
  refuse_unless(fixture.config, "hidden_drop", 0.0);
  const auto positions = fixture.config.at("pos_emb");
  Json own = fixture.config.json();
  auto& init = own["init"];
  if (init.is_object() && init.contains("post_init") && init["post_init"].is_null())
    init["post_init"] = "none";
  if (init.is_null()) own.erase("init");
  own["pos_emb"] = to_json(options_among<StructuredPositions>(positions));
  auto options = options_among<StructuredOptions>(Config(std::move(own), fixture.config.name()));
  for (const auto& name : weights.names()) options.guide.enabled |= name.ends_with("guide_linear");
  return options;
}

runtime::NamedTensors own_tensors(const runtime::NamedTensors& weights, bool tied) {
  runtime::NamedTensors own(weights.where());
  for (const auto& [name, tensor] : weights) {
    if (!tied || name != "lm_head.weight") own.add(name, tensor);
    // The cases leave out the guides' states, which the official files have.
    constexpr std::string_view kGuide = "guide_linear";
    if (!name.ends_with(kGuide)) continue;
    const auto map = name.substr(0, name.size() - kGuide.size());
    if (!weights.contains(map + "count")) own.add(map + "count", at::zeros({}, at::kLong));
    if (!weights.contains(map + "ratio")) own.add(map + "ratio", at::ones({}));
  }
  return own;
}

void set_guides(const StructuredLm& model, double share) {
  for (const auto& map : model.maps()) map->set_guide(share);
}

struct Recorded {
  std::string scheduler = "cosine";
  int64_t steps = 0, guided = 0;
  bool reduce_flop = false;
};

void check_steps(StructuredLm& model, const Recorded& recorded, const ParityCase& fixture,
                 ParityReport& report) {
  std::vector<double> shares, rates;
  auto options = training_options(
      fixture, {.learning_rate = 1e-2, .second_beta = 0.999, .weight_decay = 0.1, .clip = 1.0}, model);
  options.no_weight_decay.clear();  // the official recipe decays everything
  options.lradj = "cosine";
  options.min_learning_rate = real_number(fixture, "training.eta_min", options.learning_rate / 10);
  options.warmup_steps = static_cast<int64_t>(real_number(fixture, "training.warmup_fraction", 0.1) *
                                              static_cast<double>(recorded.steps));
  const auto loss = [&](int64_t step) -> runtime::Losses {
    const double share = StructuredLm::guide_share(recorded.scheduler, step, recorded.guided);
    shares.push_back(share);
    rates.push_back(runtime::learning_rate(options, step, recorded.steps, recorded.steps));
    for (std::size_t i = 0; i < model.maps().size(); ++i) {
      const bool drawn = recorded.reduce_flop && step < recorded.guided;
      const bool skipped =
          drawn && fixture.input("uniforms")[step][static_cast<int64_t>(i)].item<double>() >= share;
      model.maps()[i]->set_guide(share, step);
      model.maps()[i]->skip_guide(skipped);
    }
    return model.loss(fixture.input(fmt::format("batch{}", step)));
  };
  model.train();
  const auto log =
      runtime::replay_training({.model = model, .options = options, .steps = recorded.steps, .loss = loss});
  report.check("train_losses", at::tensor(log.losses, at::kDouble));
  report.check("ratios", at::tensor(shares, at::kDouble));
  report.check("lrs", at::tensor(rates, at::kDouble));
  check_norms(model, fixture, report);
}

/// Whether a case's weights are as long as those that its training ended with: recorded too late for its
/// outputs.
bool recorded_after_training(const ParityCase& fixture, const runtime::NamedTensors& weights) {
  bool any = false;
  for (const auto& [name, tensor] : weights) {
    const auto* length = fixture.io.find("norm." + name);
    if (length == nullptr) continue;
    any = true;
    if (!at::allclose(tensor.norm(), *length, 1e-5, 1e-6)) return false;
  }
  return any;
}

}  // namespace

void replay_structured(const ParityCase& fixture, ParityReport& report) {
  const auto weights = fixture.weights();
  const auto options = options_of(fixture, weights);
  if (recorded_after_training(fixture, weights)) {
    fixture.notes->push_back(
        "weights.safetensors has the weights after the recorded steps: the outputs, which are of those "
        "before them, "
        "cannot be replayed");
  }
  StructuredLm model(options);
  fixture.load(model, own_tensors(weights, options.tie_word_embeddings));
  const auto& rows = fixture.input("tokens");
  const auto ids = rows.narrow(1, 0, rows.size(1) - 1);
  {
    const torch::NoGradGuard no_grad;
    model.eval();
    set_guides(model, 0.0);
    report.check("logits", model.logits(ids));
    const auto& maps = model.maps();
    report.check("merged_fc1", maps.at(maps.size() - 2)->merged());
    report.check("merged_fc2", maps.back()->merged());
  }
  model.train();
  set_guides(model, kRecordedShare);
  report.check("logits_mixed", model.logits(ids));
  const auto loss = model.loss(rows).total;
  report.check("loss_mixed", loss);
  check_gradients(loss, model, fixture, report);
  const auto training = fixture.config.section("training");
  Recorded recorded{.steps = fixture.io.at("train_losses").size(0),
                    .guided = whole_number(fixture, "training.guided_steps", 0)};
  if (training.has("scheduler")) recorded.scheduler = training.text("scheduler");
  if (training.has("reduce_flop")) training.at("reduce_flop").read(recorded.reduce_flop, {});
  check_steps(model, recorded, fixture, report);
}

void replay_structured_maps(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto weights = fixture.weights();
  const auto& x = fixture.input("x");
  const int64_t in = whole_number(fixture, "in_features", 0), out = whole_number(fixture, "out_features", 0);
  const auto map_of = [&](const std::string& method) {
    auto map = std::make_shared<nn::StructuredLinear>(
        nn::StructureOptions{method, whole_number(fixture, "rank", 1), whole_number(fixture, "nblocks", 1)},
        in, out, /*with_bias=*/false);
    runtime::NamedTensors own(weights.where());
    for (const auto& [name, tensor] : weights) {
      if (name.starts_with(method + ".")) own.add(name.substr(method.size() + 1), tensor);
    }
    fixture.load(*map, own);
    return map;
  };
  std::vector<std::pair<std::string, at::Tensor>> results;
  for (const std::string method : {"lowrank", "blockdense", "blockshuffle"}) {
    const auto map = map_of(method);
    results.emplace_back(method + "_y", map->map(x, kernels::Activation::none));
    report.check(method + "_y", results.back().second);
    report.check(method + "_dense", map->merged());
  }
  // The case does not say which of them was guided.
  const double share = fixture.input("alpha").item<double>();
  const auto guide = kernels::linear(x, fixture.input("guide"), {});
  const auto& expected = fixture.io.at("self_guided_y");
  at::Tensor best;
  for (const auto& [name, y] : results) {
    const auto mixed = share * guide + (1.0 - share) * y;
    if (!best.defined() || (mixed - expected).norm().item<double>() < (best - expected).norm().item<double>())
      best = mixed;
  }
  report.check("self_guided_y", best);
}

}  // namespace arzoo::language
