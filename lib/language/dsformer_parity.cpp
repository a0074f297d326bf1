#include <torch/torch.h>

#include "language/dsformer_model.h"
#include "language/fixture.h"

namespace arzoo::language {

void replay_dense_sparse(const ParityCase& fixture, ParityReport& report) {
  const auto options = options_among<DsformerOptions>(fixture.config);
  const auto dense = without_tied_head(fixture.weights());
  const auto& rows = fixture.input("tokens");
  const auto ids = rows.narrow(1, 0, rows.size(1) - 1);
  NanoGpt original(options.decoder(), options.vocab_size, options.block_size);
  fixture.load(original, dense);
  const auto shared = std::make_shared<DsformerLm>(options);
  auto& model = *shared;
  model.factorise(dense);
  model.to(fixture.device);
  {
    const torch::NoGradGuard no_grad;
    original.eval();
    report.check("dense_logits", original.logits(ids));
    // Before the recorded factors are taken: products do not depend on the signs of singular vectors.
    for (const auto& [name, map] : model.maps())
      check_if_listed("product." + name, map->product(), fixture, report);
    for (auto& parameter : model.named_parameters()) {
      if (fixture.has_input("init." + parameter.key()))
        parameter.value().detach().copy_(fixture.input("init." + parameter.key()));
    }
    model.eval();
    report.check("logits", model.logits(ids));
  }
  model.train();
  const auto loss = model.loss(rows).total;
  report.check("loss", loss);
  check_gradients(loss, model, fixture, report);
  check_training(
      model, {.learning_rate = 3e-3},
      [&](int64_t step) { return model.loss(fixture.input(fmt::format("batch{}", step))); }, fixture, report);
  for (const auto& [name, map] : model.maps()) {
    const auto final = "final." + name;
    if (!fixture.io.contains(final + ".indices")) continue;
    const auto [columns, values] = map->kept();
    report.check(final + ".indices", columns);
    check_if_listed(final + ".values", values, fixture, report);
    check_if_listed("final.product", map->product(), fixture, report);
  }
}

}  // namespace arzoo::language
