#include <torch/torch.h>

#include "language/fixture.h"
#include "language/primer_model.h"
#include "nn/embedding_table.h"
#include "nn/relative_bias.h"

namespace arzoo::language {
namespace {

// Of the recorded generation: the case's config does not say it.
constexpr double kRecordedTemperature = 0.7;

/// A recorded block: the block's parameters, with a bias of its own.
class BiasedPrimerBlock : public PrimerBlock {
 public:
  explicit BiasedPrimerBlock(const PrimerOptions& options) : PrimerBlock(options) {
    bias_ = nn::register_table(*named_children()["attn"], "relative_attention_bias",
                               options.relative_attention_num_buckets, options.num_heads);
  }
  const at::Tensor& bias() const { return bias_; }

 private:
  at::Tensor bias_;
};

void replay_block(PrimerOptions options, const ParityCase& fixture, ParityReport& report) {
  const auto weights = fixture.weights();
  // The recorded blocks of the EZ variant are T5's, whose norm has no bias.
  if (options.norm.empty() && !weights.contains("norm1.bias")) options.norm = "rms_norm";
  BiasedPrimerBlock block(options);
  fixture.load(block, weights);
  const auto& x = fixture.input("x");
  const nn::TransformerBlock transformer(primer_block_options(options));
  const nn::RelativeBias relative{options.relative_attention_num_buckets, options.max_distance};
  nn::BlockPass pass;
  pass.bias = kernels::causal_bias(x.size(1), x.size(1), {}, x.options()) +
              relative.of(block.bias(), x.size(1), x.size(1));
  nn::BlockTrace trace;
  nn::QkvHeads heads;
  auto traced = pass;
  traced.trace = &trace;
  {
    const torch::NoGradGuard no_grad;
    transformer.forward(x, block.weights(), traced);
    auto spied = pass;
    spied.mix = [&](const nn::QkvHeads& own, const at::Tensor&) {
      heads = own;
      return own.v;
    };
    transformer.attention(trace.normed, block.weights(), spied);
  }
  report.check("q", heads.q);
  report.check("k", heads.k);
  report.check("v", heads.v);
  report.check("attention", trace.attention);
  report.check("after_attention", x + trace.attended);
  const auto output = transformer.forward(x, block.weights(), pass);
  report.check("output", output);
  check_gradients(output.square().mean(), block, fixture, report);
}

at::Tensor behind_start(const at::Tensor& targets) {
  return at::cat({at::zeros({targets.size(0), 1}, targets.options()), targets}, 1);
}

void check_generation(PrimerLm& model, const ParityCase& fixture, ParityReport& report) {
  const auto &prompt = fixture.input("prompt"), &variates = fixture.input("exp_noise");
  nn::DecodingRules rules;
  rules.sampling.temperature =
      real_number(fixture, "temperature", real_number(fixture, "sampling.temperature", kRecordedTemperature));
  std::vector<at::Tensor> logits;
  const auto cached = model.stream(prompt.size(1) + variates.size(0) + 1);
  nn::ReplayedRandomInputs random_inputs(variates.cpu().transpose(0, 1));
  const auto ids = nn::decode_tokens(*cached, behind_start(prompt), variates.size(0), rules, random_inputs,
                                     [&](const nn::DecodingStep& step) {
                                       logits.push_back(step.logits);
                                       return true;
                                     });
  report.check("sampled", ids.narrow(1, 1, ids.size(1) - 1));
  report.check("sample_logits", at::stack(logits, 1));
}

}  // namespace

void replay_primer(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<PrimerOptions>(fixture.config);
  if (!fixture.config.has("variant")) options.variant = fixture.config.text("model");
  if (fixture.has_input("x")) return replay_block(options, fixture, report);
  PrimerLm model(options);
  fixture.load(model, fixture.weights());
  {
    const torch::NoGradGuard no_grad;
    model.eval();
    nn::DecoderTrace trace;
    report.check("logits", model.head(model.hidden(fixture.input("input_ids"), {.trace = &trace})));
    for (std::size_t i = 0; i < trace.blocks.size(); ++i) {
      check_if_listed(fmt::format("residual{}", 2 * i), trace.hidden[i], fixture, report);
      check_if_listed(fmt::format("residual{}", 2 * i + 1), trace.hidden[i] + trace.blocks[i].attended,
                      fixture, report);
      check_if_listed(fmt::format("attention{}", i), trace.blocks[i].attention, fixture, report);
    }
    check_if_listed(fmt::format("residual{}", 2 * trace.blocks.size()), trace.hidden.back(), fixture, report);
    check_generation(model, fixture, report);
  }
  model.train();
  const auto loss = model.loss(behind_start(fixture.input("targets"))).total;
  report.check("loss", loss);
  check_gradients(loss, model, fixture, report);
  check_training(
      model, {.learning_rate = 2e-3},
      [&](int64_t step) { return model.loss(behind_start(fixture.input(fmt::format("batch{}", step)))); },
      fixture, report);
}

}  // namespace arzoo::language
