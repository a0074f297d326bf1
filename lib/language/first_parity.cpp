#include <torch/torch.h>

#include "language/first_model.h"
#include "language/fixture.h"
#include "nn/lora.h"

namespace arzoo::language {
namespace {

FirstOptions first_options_of(const ParityCase& fixture) {
  FirstOptions options;
  Json base = fixture.config.json();
  base["architecture"] = base.at("base");
  base.erase("base");
  base.erase("model");
  options.base = published_decoder_options(Config(std::move(base), fixture.config.name()));
  options.router = options_among<RouterOptions>(fixture.config.at("router"));
  return options;
}

/// Only the parameters whose names hold `part` are trained.
void train_only(torch::nn::Module& model, std::string_view part) {
  for (auto& parameter : model.named_parameters())
    parameter.value().set_requires_grad(parameter.key().find(part) != std::string::npos);
}

void check_steps(FirstLm& model, std::string_view part, const char* output, const char* batch,
                 const ParityCase& fixture, ParityReport& report) {
  if (!fixture.io.contains(output)) return;
  train_only(model, part);
  auto options = training_options(fixture, {.learning_rate = 1e-2, .second_beta = 0.999}, model);
  const auto log = runtime::replay_training(
      {.model = model, .options = options, .steps = fixture.io.at(output).size(0), .loss = [&](int64_t step) {
         return model.loss(fixture.input(fmt::format("{}{}", batch, step)));
       }});
  report.check(output, at::tensor(log.losses, at::kDouble));
}

void check_decoding(FirstLm& model, const ParityCase& fixture, ParityReport& report) {
  const auto& prompt = fixture.input("prompt");
  const int64_t steps = fixture.io.at("greedy").size(1) - prompt.size(1);
  nn::DecodingRules rules;
  rules.sampling.temperature = 0.0;
  nn::SeededRandomInputs none(std::vector<uint64_t>(static_cast<std::size_t>(prompt.size(0))));
  std::vector<at::Tensor> logits;
  FirstStream stream(model, prompt.size(1) + steps);
  report.check("greedy",
               nn::decode_tokens(stream, prompt, steps, rules, none, [&](const nn::DecodingStep& step) {
                 logits.push_back(step.logits);
                 return true;
               }));
  report.check("decode_logits", at::stack(logits, 1));
  report.check("scores", stream.choice().scores());
  report.check("kept", stream.choice().kept());
}

}  // namespace

void replay_first(const ParityCase& fixture, ParityReport& report) {
  const auto options = first_options_of(fixture);
  const auto shared = std::make_shared<FirstLm>(options);  // LoRA looks for the layers of a shared module
  auto& model = *shared;
  model.initialise();
  const auto lora = fixture.config.section("lora");
  if (lora.has("rank")) {
    std::vector<std::string> targets;
    lora.at("targets").read(targets, nonempty());
    const int64_t rank = whole_number(fixture, "lora.rank", 1);
    nn::add_lora(model, targets,
                 {rank, real_number(fixture, "lora.alpha", 1.0) / static_cast<double>(rank), 0.0},
                 fixture.name);
  }
  fixture.load(model, canonical_tensors(options.base, fixture.weights()));
  const auto& ids = fixture.input("input_ids");
  model.eval();
  {
    const torch::NoGradGuard no_grad;
    at::Tensor gates;
    report.check("soft_logits", model.soft_logits(ids, &gates));
    report.check("gates", gates);
    check_decoding(model, fixture, report);
  }
  model.train();
  train_only(model, "routers.");
  const auto losses = model.loss(ids);
  report.check("loss", losses.total);
  report.check("cross_entropy", losses.parts.front().second);
  check_gradients(losses.total, model, fixture, report);
  check_steps(model, "routers.", "router_losses", "batch", fixture, report);
  check_steps(model, ".lora_", "lora_losses", "lora_batch", fixture, report);
  check_norms(model, fixture, report);
}

}  // namespace arzoo::language
