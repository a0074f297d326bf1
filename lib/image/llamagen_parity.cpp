#include <torch/torch.h>

#include <algorithm>
#include <limits>

#include "image/draft_replay.h"
#include "image/fixture.h"
#include "image/llamagen_sampler.h"
#include "runtime/training_replay.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// The most likely code always: official runs with sample_logits off.
class MostLikely : public nn::TokenRandomInputs {
 public:
  at::Tensor pick(const at::Tensor& logits, int64_t) override { return at::softmax(logits, -1).argmax(-1); }
  at::Tensor exponentials(const at::Tensor& logits, int64_t) override { return at::ones_like(logits); }
};

std::shared_ptr<LlamaGen> loaded_llamagen(const ParityCase& fixture, const LlamaGenOptions& options,
                                          const runtime::NamedTensors& weights) {
  auto model = std::make_shared<LlamaGen>(options);
  fixture.load(*model, weights);
  return model;
}

LlamaGenSampling gpt_sampling(const Config& run) {
  LlamaGenSampling sampling;
  read_if_any(run, "cfg_scale", sampling.guidance.cfg);
  read_if_any(run, "cfg_interval", sampling.guidance.interval);
  read_if_any(run, "top_k", sampling.tokens.top_k);
  read_if_any(run, "top_p", sampling.tokens.top_p);
  read_if_any(run, "temperature", sampling.tokens.temperature);
  return sampling;
}

/// What a run generates from, or a whole case.
LlamaGenCondition condition_of(const ParityCase& fixture, const std::string& labels) {
  if (fixture.has_input(labels)) return {.labels = fixture.input(labels)};
  return {.captions = fixture.input("caption"),
          .caption_mask = fixture.has_input("emb_mask") ? fixture.input("emb_mask") : at::Tensor()};
}

void replay_forward(const ParityCase& fixture, const LlamaGen& model, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  nn::DecoderTrace trace;
  report.check("fwd.logits",
               model.forward(condition_of(fixture, "fwd.labels"), fixture.input("fwd.ids"), {}, {}, &trace));
  for (std::size_t block = 0; block + 1 < trace.hidden.size(); ++block) {
    const auto name = fmt::format("fwd.block{}", block);
    if (fixture.io.contains(name)) report.check(name, trace.hidden[block + 1]);
  }
}

/// The loss with recorded drops and its gradients, without dropout.
void replay_loss(const ParityCase& fixture, LlamaGen& model, ParityReport& report) {
  const auto condition = condition_of(fixture, "fwd.labels");
  const auto ids = fixture.input("fwd.ids");
  const LlamaGenRandomInputs random_inputs{.condition = fixture.input("train.label_rand")};
  const auto total = model.loss(condition, ids, random_inputs).total;
  report.check("train.loss", total.detach());
  total.backward();
  for (const auto& parameter : model.named_parameters()) {
    const auto name = "train.grad." + parameter.key();
    if (fixture.io.contains(name)) report.check(name, parameter.value().grad());
  }
  if (!fixture.has_input("train.valid")) return;
  const torch::NoGradGuard no_grad;
  report.check("train.loss_valid",
               model.loss(condition, ids, random_inputs, fixture.input("train.valid")).total);
}

/// A training pass of captions under their recorded mask.
void replay_caption_loss(const ParityCase& fixture, const LlamaGen& model, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto seen = fixture.input("train.mask").unsqueeze(1);  // [B, 1, S, S]
  const auto bias = at::zeros_like(seen).masked_fill_(seen.eq(0), -std::numeric_limits<double>::infinity());
  const LlamaGenCondition captions{.captions = fixture.input("caption")};
  const LlamaGenRandomInputs random_inputs{.condition = fixture.input("train.drop_rand")};
  const auto ids = fixture.input("train.ids");
  report.check("train.logits",
               model.forward(model.dropped(captions, random_inputs.condition), ids, {}, bias));
  report.check("train.loss", model.loss(captions, ids, random_inputs, {}, bias).total);
}

void replay_run(const ParityCase& fixture, const std::string& name, const Config& run,
                const LlamaGenSampler& sampler, ParityReport& report) {
  bool sampled = true;
  read_if_any(run, "sample_logits", sampled);
  std::unique_ptr<nn::TokenRandomInputs> random_inputs = std::make_unique<MostLikely>();
  if (sampled) random_inputs = std::make_unique<nn::ReplayedRandomInputs>(fixture.input(name + ".exp").cpu());
  std::vector<at::Tensor> logits, probabilities;
  const auto watch = [&](const LlamaGenStep& step) {
    logits.push_back(step.logits);
    probabilities.push_back(at::softmax(step.allowed, -1));
  };
  const auto ids =
      sampler.tokens(condition_of(fixture, name + ".labels"), gpt_sampling(run), *random_inputs, watch);
  report.check(name + ".ids", ids);
  const auto check = [&](const char* output, const std::vector<at::Tensor>& values) {
    if (fixture.io.contains(name + output)) report.check(name + output, at::stack(values, 1));
  };
  check(".logits", logits);
  check(".probs", probabilities);
}

/// As loaded, and once more as a generation uses it.
void replay_runs(const ParityCase& fixture, LlamaGen& model, ParityReport& report) {
  auto options = model.options().vae;
  options.codebook_size = model.options().vocab_size;
  LlamaGenVq vae(options);
  const LlamaGenSampler sampler(vae, model);
  for (const bool packed : {false, true}) {
    if (packed) kernels::pack_for_inference(model);
    for (const auto& [name, run] : fixture.config.at("runs").members())
      replay_run(fixture, name, run, sampler, report);
  }
}

runtime::TrainingOptions gpt_training(const Config& train) {
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.lradj = "constant";
  options.no_weight_decay = llamagen_no_weight_decay();
  train.at("lr").read(options.learning_rate, more_than(0));
  train.at("betas").read(options.betas, {});
  train.at("eps").read(options.eps, {});
  train.at("weight_decay").read(options.weight_decay, {});
  train.at("max_grad_norm").read(options.clip_grad_norm, at_least(0));
  if (train.has("ema_decay")) train.at("ema_decay").read(options.ema_decay, from_below(0, 1));
  return options;
}

void replay_training_steps(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<LlamaGenOptions>(fixture.config);
  const bool dropout = fixture.has_input("dropout_keep");
  if (!dropout) options.token_dropout_p = options.resid_dropout_p = options.ffn_dropout_p = 0.0;
  const auto model =
      loaded_llamagen(fixture, options, weights_at(fixture, fixture.config.text("init_weights")));
  model->train();
  std::vector<std::string> names;
  fixture.config.at("param_order").read(names, {});
  std::vector<at::Tensor> start;
  const auto parameters = model->named_parameters();
  for (const auto& name : names) start.push_back(parameters[name].detach().clone());
  const auto section = fixture.config.at("train");
  int64_t steps = 0;
  section.at("steps").read(steps, at_least(1));
  const auto loss = [&](int64_t step) {
    LlamaGenRandomInputs random_inputs{.condition = fixture.input("label_rand")[step]};
    if (dropout) random_inputs.dropout_keep = fixture.input("dropout_keep")[step];
    return model->loss({.labels = fixture.input("labels")[step]}, fixture.input("ids")[step], random_inputs);
  };
  const auto log = runtime::replay_training(
      {.model = *model, .options = gpt_training(section), .steps = steps, .loss = loss});
  report.check("loss", at::tensor(log.losses, at::kDouble));
  report.check("grad_norm", at::tensor(log.gradient_norms, at::kDouble));
  std::vector<double> changes, average_changes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto end = parameters[names[i]].detach();
    changes.push_back((end - start[i]).norm().item<double>());
    average_changes.push_back((log.averages.at(names[i]) - start[i]).norm().item<double>());
    if (fixture.io.contains("final." + names[i])) report.check("final." + names[i], end);
  }
  report.check("final_norms", runtime::weight_norms(*model, names));
  report.check("delta_norms", at::tensor(changes, at::kDouble));
  if (fixture.io.contains("ema_delta_norms"))
    report.check("ema_delta_norms", at::tensor(average_changes, at::kDouble));
}

void replay_llamagen(const ParityCase& fixture, ParityReport& report) {
  const auto model =
      loaded_llamagen(fixture, options_among<LlamaGenOptions>(fixture.config), fixture.weights());
  model->eval();
  if (fixture.has_input("fwd.ids")) replay_forward(fixture, *model, report);
  if (fixture.has_input("train.label_rand")) replay_loss(fixture, *model, report);
  if (fixture.has_input("train.mask")) replay_caption_loss(fixture, *model, report);
  if (fixture.config.has("runs")) replay_runs(fixture, *model, report);
}

/// One pass without dropout: logits and blocks of all conditions, the loss with its gradients.
void replay_value_memory_pass(const ParityCase& fixture, LlamaGen& model, ParityReport& report) {
  const LlamaGenCondition condition{.labels = fixture.input("labels")};
  const auto& ids = fixture.input("ids");
  {
    const torch::NoGradGuard no_grad;
    nn::DecoderTrace trace;
    report.check("logits", model.forward(condition, ids, {}, {}, &trace));
    for (std::size_t block = 0; block + 1 < trace.hidden.size(); ++block) {
      const auto name = fmt::format("block{}", block);
      if (fixture.io.contains(name)) report.check(name, trace.hidden[block + 1]);
    }
  }
  if (!fixture.has_input("label_rand")) return;
  const auto loss = model.loss(condition, ids, {.condition = fixture.input("label_rand")}).total;
  report.check("loss", loss.detach());
  loss.backward();
  for (const auto& parameter : model.named_parameters()) {
    const auto name = "grad." + parameter.key();
    if (fixture.io.contains(name)) report.check(name, parameter.value().grad());
  }
  model.zero_grad();
}

/// The same batch in each step, and how far each parameter came.
void replay_value_memory_training(const ParityCase& fixture, LlamaGen& model, ParityReport& report) {
  const auto section = fixture.config.at("train");
  int64_t steps = 0;
  section.at("steps").read(steps, at_least(1));
  std::vector<std::string> names;
  fixture.config.at("param_order").read(names, {});
  const auto parameters = model.named_parameters();
  std::vector<at::Tensor> start;
  for (const auto& name : names) start.push_back(parameters[name].detach().clone());
  model.train();
  const auto loss = [&](int64_t step) {
    return model.loss({.labels = fixture.input("labels")}, fixture.input("ids"),
                      {.condition = fixture.input("train.label_rand")[step]});
  };
  const auto log = runtime::replay_training(
      {.model = model, .options = gpt_training(section), .steps = steps, .loss = loss});
  report.check("train.loss", at::tensor(log.losses, at::kDouble));
  report.check("train.grad_norm", at::tensor(log.gradient_norms, at::kDouble));
  std::vector<double> changes;
  for (std::size_t i = 0; i < names.size(); ++i)
    changes.push_back((parameters[names[i]].detach() - start[i]).norm().item<double>());
  report.check("train.delta_norms", at::tensor(changes, at::kDouble));
}

void replay_value_memory_sampling(const ParityCase& fixture, LlamaGen& model, ParityReport& report) {
  auto options = model.options().vae;
  options.codebook_size = model.options().vocab_size;
  LlamaGenVq vae(options);
  model.eval();
  nn::ReplayedRandomInputs random_inputs(fixture.input("sample.exp").cpu());
  std::vector<at::Tensor> logits;
  const auto ids =
      LlamaGenSampler(vae, model)
          .tokens({.labels = fixture.input("sample.labels")}, gpt_sampling(fixture.config.at("run")),
                  random_inputs, [&](const LlamaGenStep& step) { logits.push_back(step.logits); });
  report.check("sample.ids", ids);
  report.check("sample.logits", at::stack(logits, 1));
}

/// Value embeddings: a pass, sampling and training steps, all without dropout.
void replay_value_memory(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<LlamaGenOptions>(fixture.config);
  options.token_dropout_p = options.attn_dropout_p = options.resid_dropout_p = options.ffn_dropout_p = 0.0;
  options.drop_path_rate = 0.0;
  const auto model = loaded_llamagen(fixture, options, fixture.weights());
  replay_value_memory_pass(fixture, *model, report);
  if (fixture.has_input("sample.exp")) replay_value_memory_sampling(fixture, *model, report);
  if (fixture.has_input("train.label_rand")) replay_value_memory_training(fixture, *model, report);
}

/// A case of Jacobi iterations.
bool has_windows(const Config& config) {
  if (!config.has("runs")) return false;
  const auto runs = config.at("runs").members();
  return std::any_of(runs.begin(), runs.end(), [](const auto& run) { return run.second.has("window"); });
}

}  // namespace

void replay_llamagen_case(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("drafter") && !fixture.config.has("target")) return replay_lantern(fixture, report);
  if (fixture.config.has("target")) return replay_speculative(fixture, report);
  if (has_windows(fixture.config)) return replay_jacobi(fixture, report);
  if (fixture.config.has("value_memory") && fixture.has_input("ids"))
    return replay_value_memory(fixture, report);
  if (fixture.config.has("train")) return replay_training_steps(fixture, report);
  replay_llamagen(fixture, report);
}

}  // namespace arzoo::image
