#include <torch/torch.h>

#include "language/fixture.h"
#include "language/ssa_model.h"

namespace arzoo::language {

void replay_ssa(const ParityCase& fixture, ParityReport& report) {
  SsaLm model(options_among<SsaOptions>(fixture.config));
  fixture.load(model, without_tied_head(fixture.weights()));
  const auto& rows = fixture.input("tokens");
  const int64_t tokens = rows.size(1) - 1;
  const auto ids = rows.narrow(1, 0, tokens), targets = rows.narrow(1, 1, tokens);
  const auto order = model.orders(fixture.input("draws"));
  report.check("order", order);
  {
    const torch::NoGradGuard no_grad;
    model.eval();
    nn::DecoderTrace trace;
    report.check("dense_logits", model.logits(ids));
    model.subsampled_logits(ids, order, &trace);
    for (std::size_t i = 0; i + 1 < trace.hidden.size(); ++i)
      check_if_listed(fmt::format("hidden{}", i), trace.hidden[i + 1], fixture, report);
    report.check("ensemble_probs", model.ensemble_shares(ids, fixture.input("ensemble_draws")));
  }
  model.train();
  const auto logits = model.subsampled_logits(ids, order);
  report.check("logits", logits);
  const auto loss = mean_cross_entropy(logits, targets);
  report.check("loss", loss);
  check_gradients(loss, model, fixture, report);
  // Steps with recorded orders are subsampled, those without are the plain ones of the fine-tuning.
  check_training(
      model, {.learning_rate = 2e-3},
      [&](int64_t step) -> runtime::Losses {
        const auto batch = fixture.input(fmt::format("batch{}", step));
        const auto own = batch.narrow(1, 0, tokens), next = batch.narrow(1, 1, tokens);
        const auto numbers = fmt::format("draws{}", step);
        const auto scores = fixture.has_input(numbers)
                                ? model.subsampled_logits(own, model.orders(fixture.input(numbers)))
                                : model.NanoGpt::logits(own);
        return {.total = mean_cross_entropy(scores, next)};
      },
      fixture, report);
}

}  // namespace arzoo::language
