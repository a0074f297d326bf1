#include <torch/torch.h>

#include "language/combiner_model.h"
#include "language/fixture.h"
#include "nn/combiner_attention.h"

namespace arzoo::language {
namespace {

at::Tensor behind_zero(const at::Tensor& targets) {
  return at::cat({at::zeros({targets.size(0), 1}, targets.options()), targets}, 1);
}

void check_greedy_ids(CombinerLm& model, const ParityCase& fixture, ParityReport& report) {
  const auto& prompt = fixture.input("prompt");
  nn::DecodingRules rules;
  rules.sampling.temperature = 0.0;
  nn::SeededRandomInputs none(std::vector<uint64_t>(static_cast<std::size_t>(prompt.size(0))));
  const auto stream = model.stream(0);
  const int64_t steps = fixture.io.at("greedy").size(1) - prompt.size(1);
  const auto ids = nn::decode_tokens(*stream, behind_zero(prompt), steps, rules, none);
  report.check("greedy", ids.narrow(1, 1, ids.size(1) - 1));
}

}  // namespace

void replay_combiner(const ParityCase& fixture, ParityReport& report) {
  CombinerLm model(options_among<CombinerOptions>(fixture.config));
  fixture.load(model, fixture.weights());
  {
    const torch::NoGradGuard no_grad;
    model.eval();
    nn::DecoderTrace trace;
    report.check("logits", model.logits(fixture.input("input_ids"), &trace));
    for (std::size_t i = 0; i < trace.hidden.size(); ++i)
      check_if_listed(fmt::format("hidden{}", i), trace.hidden[i], fixture, report);
    check_greedy_ids(model, fixture, report);
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
  const auto weights = fixture.weights();
  const auto& x = fixture.input("x");
  const auto kind = fixture.config.text("model");
  const int64_t heads = whole_number(fixture, "num_heads", 1), segment = whole_number(fixture, "max_seg_len", 1);
  const auto attend = [&](const nn::QkvHeads& own) {
    return kind == "combiner_fixed"   ? nn::combiner_fixed(own, segment)
           : kind == "combiner_axial" ? nn::combiner_axial(own, segment)
                                      : nn::combiner_logn(own, nn::combiner_levels(x.size(1)));
  };
  const auto part = [&](const char* name) {
    return nn::split_heads(kernels::linear(x, weights.at(name), {}), heads);
  };
  const nn::QkvHeads own{part("q.weight"), part("k.weight"), part("v.weight")};
  const auto mixed = attend(own);
  report.check("heads_out", mixed.transpose(1, 2));
  report.check("output", kernels::linear(nn::merge_heads(mixed), weights.at("out.weight"), {}));
  // The result is linear in the values: those of single tokens give the matrix.
  const int64_t tokens = x.size(1);
  const auto single = at::eye(tokens, x.options()).expand({x.size(0), heads, tokens, tokens});
  report.check("dense_attention", attend({own.q, own.k, single}));
}

}  // namespace arzoo::language
