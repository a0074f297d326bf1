#include "language/ssa_model.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include "language/experiment.h"
#include "language/fixture.h"
#include "language/text_study.h"
#include "nn/subsampled_attention.h"

namespace arzoo::language {

SsaLm::SsaLm(const SsaOptions& options)
    : NanoGpt(options.decoder(), options.vocab_size, options.block_size), options_(options) {}

void SsaLm::prepare(const TrainingMoment& moment) {
  dense_ = moment.step >= moment.steps - options_.dense_steps;
}

at::Tensor SsaLm::orders(const at::Tensor& numbers) const {
  auto keys = numbers.to(at::kDouble);
  if (options_.is_local()) keys = at::arange(numbers.size(-1), keys.options()) + options_.sigma * keys;
  return at::argsort(keys, /*stable=*/true, /*dim=*/-1, /*descending=*/false);
}

at::Tensor SsaLm::subsampled_logits(const at::Tensor& ids, const at::Tensor& orders,
                                    nn::DecoderTrace* trace) {
  nn::DecoderPass pass{.trace = trace, .training = is_training()};
  pass.mix = [this, orders](std::size_t layer, const nn::QkvHeads& heads, const at::Tensor&) {
    const auto order = orders[static_cast<int64_t>(layer)];
    return nn::subsampled_attention(heads, options_.is_local() ? nn::local_sources(order, options_.window)
                                                               : nn::unbiased_sources(order, options_.keep));
  };
  return head(hidden(ids, pass));
}

at::Tensor SsaLm::fresh_numbers(const at::Tensor& ids, std::optional<at::Generator> generator) const {
  const std::vector<int64_t> sizes{layers(), ids.size(0), ids.size(1)};
  // On the CPU, whose generator gives the same on every machine.
  return (options_.is_local() ? at::randn(sizes, generator, at::kFloat)
                              : at::rand(sizes, generator, at::kFloat))
      .to(ids.device());
}

at::Tensor SsaLm::logits(const at::Tensor& ids) {
  if (!is_training() || dense_) return NanoGpt::logits(ids);
  return subsampled_logits(ids, orders(fresh_numbers(ids, std::nullopt)));
}

at::Tensor SsaLm::ensemble_shares(const at::Tensor& ids, const at::Tensor& numbers) {
  at::Tensor sum;
  for (const auto& own : numbers.unbind(0)) {
    const auto shares = at::softmax(subsampled_logits(ids, orders(own)), -1);
    sum = sum.defined() ? sum + shares : shares;
  }
  return sum / static_cast<double>(numbers.size(0));
}

TokenLosses SsaLm::token_losses(const at::Tensor& rows) {
  if (options_.ensemble == 0) return NanoGpt::token_losses(rows);
  constexpr uint64_t kEnsembleSeed = 0x737361;
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(kEnsembleSeed);
  const auto ids = rows.narrow(1, 0, rows.size(1) - 1);
  // The same for every row, so that a row's loss does not depend on its batch.
  const auto one = ids.narrow(0, 0, 1);
  std::vector<at::Tensor> numbers;
  for (int64_t i = 0; i < options_.ensemble; ++i)
    numbers.push_back(fresh_numbers(one, generator).expand({-1, ids.size(0), -1}));
  const auto shares = ensemble_shares(ids, at::stack(numbers));
  return {nats_of(shares.log(), rows.narrow(1, 1, ids.size(1))), {}};
}

}  // namespace arzoo::language

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::SsaOptions>() {
  static const ModelEntry entry{
      .name = language::SsaOptions::kName,
      .build = &build_any<language::SsaLm, language::SsaOptions>,
      .experiment = &language::language_experiment<language::SsaLm, language::SsaOptions>,
      .study = language::text_study(),
      .replays = {{"ssa", language::replay_ssa}}};
  return entry;
}

}  // namespace arzoo::runtime
