#include <torch/torch.h>

#include "language/decoder_lm_model.h"
#include "language/fixture.h"

namespace arzoo::language {
namespace {

// Of the recorded runs with a repetition penalty: the case's config does not say it.
constexpr double kRecordedPenalty = 1.3;

/// The recorded exponential variates, [steps, B, V], in the order of the rows.
nn::ReplayedRandomInputs replayed(const at::Tensor& variates) {
  return nn::ReplayedRandomInputs(variates.cpu().transpose(0, 1));
}

nn::DecodingRules sampling_of(const ParityCase& fixture) {
  nn::DecodingRules rules;
  rules.sampling.temperature = real_number(fixture, "sampling.temperature", 1.0);
  rules.sampling.top_k = whole_number(fixture, "sampling.top_k", 0);
  rules.sampling.top_p = real_number(fixture, "sampling.top_p", 0.0);
  return rules;
}

void check_greedy(DecoderLm& model, const ParityCase& fixture, ParityReport& report) {
  const auto& prompt = fixture.input("prompt");
  const int64_t steps = fixture.io.at("greedy").size(1) - prompt.size(1);
  nn::DecodingRules rules;
  rules.sampling.temperature = 0.0;
  nn::SeededRandomInputs none(std::vector<uint64_t>(static_cast<std::size_t>(prompt.size(0))));
  RereadingStream again(model);
  report.check("greedy", nn::decode_tokens(again, prompt, steps, rules, none));
  const auto cached = model.stream(prompt.size(1) + steps);
  report.check_value("greedy, cached", nn::decode_tokens(*cached, prompt, steps, rules, none),
                     fixture.io.at("greedy"), {0, 0});
}

void check_sampled(DecoderLm& model, const ParityCase& fixture, ParityReport& report) {
  const auto &prompt = fixture.input("prompt"), &variates = fixture.input("exp_noise");
  std::vector<at::Tensor> logits, shares;
  const auto cached = model.stream(prompt.size(1) + variates.size(0));
  auto random_inputs = replayed(variates);
  report.check("sampled", nn::decode_tokens(*cached, prompt, variates.size(0), sampling_of(fixture),
                                            random_inputs, [&](const nn::DecodingStep& step) {
                                              logits.push_back(step.logits);
                                              shares.push_back(at::softmax(step.allowed, -1));
                                              return true;
                                            }));
  report.check("sample_logits", at::stack(logits, 1));
  report.check("sample_probs", at::stack(shares, 1));
}

void check_penalised(DecoderLm& model, const ParityCase& fixture, ParityReport& report) {
  const auto &prompt = fixture.input("prompt"), &variates = fixture.input("exp_noise_rep");
  nn::DecodingRules rules;
  rules.repetition_penalty = real_number(fixture, "sampling.repetition_penalty", kRecordedPenalty);
  const auto cached = model.stream(prompt.size(1) + variates.size(0));
  auto random_inputs = replayed(variates);
  report.check("sampled_rep", nn::decode_tokens(*cached, prompt, variates.size(0), rules, random_inputs));
}

}  // namespace

void replay_decoder_lm(const ParityCase& fixture, ParityReport& report) {
  const auto options = published_decoder_options(fixture.config);
  DecoderLm model(options);
  fixture.load(model, canonical_tensors(options, fixture.weights()));
  const auto& ids = fixture.input("input_ids");
  model.eval();
  {
    const torch::NoGradGuard no_grad;
    nn::DecoderTrace trace;
    const auto final = model.hidden(ids, {.trace = &trace});
    report.check("logits", model.head(final));
    for (std::size_t i = 0; i < trace.hidden.size(); ++i)
      check_if_listed(fmt::format("hidden{}", i), trace.hidden[i], fixture, report);
    check_if_listed("final", final, fixture, report);
    if (fixture.io.contains("greedy")) check_greedy(model, fixture, report);
    if (fixture.io.contains("sampled")) check_sampled(model, fixture, report);
    if (fixture.io.contains("sampled_rep")) check_penalised(model, fixture, report);
  }
  model.train();
  const auto loss = model.loss(ids).total;
  report.check("loss", loss);
  check_gradients(loss, model, fixture, report);
  check_training(
      model, {.weight_decay = 0.1, .clip = 1.0},
      [&](int64_t step) { return model.loss(fixture.input(fmt::format("batch{}", step))); }, fixture, report);
}

}  // namespace arzoo::language
