#include <torch/torch.h>

#include "language/combiner_model.h"
#include "language/fixture.h"

namespace arzoo::language {
namespace {

at::Tensor behind_zero(const at::Tensor& targets) {
  return at::cat({at::zeros({targets.size(0), 1}, targets.options()), targets}, 1);
}

void check_greedy_ids(CombinerLm& model, const ParityCase& fixture, ParityReport& report) {
  const auto prompt = behind_zero(fixture.input("prompt"));
  const auto& expected = fixture.io.at("greedy");
  nn::DecodingRules rules;
  rules.sampling.temperature = 0.0;
  nn::SeededRandomInputs none(std::vector<uint64_t>(static_cast<std::size_t>(prompt.size(0))));
  const auto continued = [&](nn::TokenStream& stream) {
    const auto ids = nn::decode_tokens(stream, prompt, expected.size(1) + 1 - prompt.size(1), rules, none);
    return ids.narrow(1, 1, ids.size(1) - 1);
  };
  RereadingStream again(model);
  report.check("greedy", continued(again));
  report.check_value("greedy, cached", continued(*model.stream(0)), expected, {0, 0});
}

/// Of a stream that reads the row token by token.
at::Tensor streamed_logits(CombinerLm& model, const at::Tensor& ids) {
  const auto stream = model.stream(ids.size(1));
  std::vector<at::Tensor> logits;
  for (int64_t t = 0; t < ids.size(1); ++t) logits.push_back(stream->read(ids.narrow(1, t, 1)));
  return at::stack(logits, 1);
}

}  // namespace

void replay_combiner(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<CombinerOptions>(fixture.config);
  // The recorded runs have no dropout unless they say so.
  options.dropout_rate = real_number(fixture, "dropout_rate", 0.0);
  options.attention_dropout_rate = real_number(fixture, "attention_dropout_rate", 0.0);
  CombinerLm model(options);
  fixture.load(model, fixture.weights());
  {
    const torch::NoGradGuard no_grad;
    model.eval();
    nn::DecoderTrace trace;
    const auto& ids = fixture.input("input_ids");
    const auto logits = model.head(model.hidden(ids, 0, nullptr, &trace));
    report.check("logits", logits);
    report.check_value("logits, cached", streamed_logits(model, ids), logits, fixture.tolerance);
    for (std::size_t i = 0; i < trace.hidden.size(); ++i)
      check_if_listed(fmt::format("hidden{}", i), trace.hidden[i], fixture, report);
    if (fixture.io.contains("greedy")) check_greedy_ids(model, fixture, report);
  }
  model.train();
  const auto loss = model.loss(behind_zero(fixture.input("targets"))).total;
  report.check("loss", loss);
  check_gradients(loss, model, fixture, report);
  check_training(
      model, {.learning_rate = 1e-3, .second_beta = 0.999, .optimizer = "adam"},
      [&](int64_t step) { return model.loss(behind_zero(fixture.input(fmt::format("batch{}", step)))); },
      fixture, report);
}

void replay_combiner_attention(const ParityCase& fixture, ParityReport& report) {
  const auto kind = fixture.config.text("model").substr(std::string_view("combiner_").size());
  const auto& x = fixture.input("x");
  const int64_t tokens = x.size(1), count = whole_number(fixture, "num_heads", 1);
  const nn::CombinerPattern pattern{.kind = nn::combiner_kind(kind),
                                    .segment = whole_number(fixture, "max_seg_len", 1),
                                    .levels = nn::combiner_levels(whole_number(fixture, "max_len", tokens))};
  const auto weights = fixture.weights();
  const auto part = [&](const char* name) {
    return nn::split_heads(kernels::linear(x, weights.at(name), {}), count);
  };
  nn::QkvHeads heads{part("q.weight"), part("k.weight"), part("v.weight")};
  const auto mixed = nn::combiner_attention(heads, x, pattern);
  check_if_listed("heads_out", mixed.transpose(1, 2), fixture, report);
  report.check("output", kernels::linear(nn::merge_heads(mixed), weights.at("out.weight"), {}));
  // The result is linear in the values: those of single tokens give the matrix.
  heads.v = at::eye(tokens, x.options()).expand({x.size(0), count, tokens, tokens});
  check_if_listed("dense_attention", nn::combiner_attention(heads, x, pattern), fixture, report);
}

}  // namespace arzoo::language
