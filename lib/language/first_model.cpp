#include "language/first_model.h"

#include <torch/torch.h>

#include "language/experiment.h"
#include "language/first_study.h"
#include "language/fixture.h"
#include "language/text_study.h"

namespace arzoo::language {

FirstLm::FirstLm(const FirstOptions& options) : DecoderLm(options.base), first_(options) {
  const auto routers = register_module("routers", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < layers(); ++i) {
    const auto router = routers->register_module(std::to_string(i), std::make_shared<torch::nn::Module>());
    routers_.push_back({router->register_parameter("weight", at::empty({1, options.base.hidden_size})),
                        router->register_parameter("bias", at::empty({1}))});
  }
}

at::Tensor FirstLm::gate(std::size_t layer, const at::Tensor& x) const {
  return at::sigmoid(nn::linear(x, routers_[layer]).squeeze(-1));
}

at::Tensor FirstLm::votes(std::size_t layer, const at::Tensor& x) const {
  return gate(layer, x).ge(first_.router.threshold).to(at::kFloat).mean(1);
}

at::Tensor FirstLm::soft_logits(const at::Tensor& ids, at::Tensor* gates) {
  std::vector<at::Tensor> all;
  nn::DecoderPass pass{.training = is_training()};
  pass.around = [&](std::size_t layer, const at::Tensor& x, const nn::DecoderLayer& run) {
    all.push_back(gate(layer, x));
    const auto share = all.back().unsqueeze(-1);
    return share * run(x) + (1.0 - share) * x;
  };
  const auto logits = head(hidden(ids, pass));
  if (gates != nullptr) *gates = at::stack(all);
  return logits;
}

runtime::Losses FirstLm::loss(const at::Tensor& rows) {
  const int64_t tokens = rows.size(1) - 1;
  at::Tensor gates;
  // The last token is predicted by none and still has its gates.
  const auto logits = soft_logits(rows, &gates).narrow(1, 0, tokens);
  const auto cross_entropy = mean_cross_entropy(logits, rows.narrow(1, 1, tokens));
  const auto open = gates.mean();
  runtime::Losses losses{.total = cross_entropy,
                         .parts = {{"cross_entropy", cross_entropy.detach()}, {"gate", open.detach()}}};
  if (!routers_.front().weight.requires_grad()) return losses;
  auto squares = at::zeros({}, cross_entropy.options());
  for (const auto& router : routers_) squares = squares + router.weight.square().sum();
  losses.total = cross_entropy + first_.router.alpha * open + first_.router.lambda * squares;
  return losses;
}

at::Tensor FirstLm::logits(const at::Tensor& ids) {
  if (is_training()) return soft_logits(ids, nullptr);
  LayerChoice choice(*this);
  return chosen_logits(ids, choice);
}

at::Tensor FirstLm::chosen_logits(const at::Tensor& ids, LayerChoice& choice) {
  nn::DecoderPass pass;
  pass.around = [&](std::size_t layer, const at::Tensor& x, const nn::DecoderLayer& run) {
    return choice.pass(layer, x, run);
  };
  return head(hidden(ids, pass));
}

void FirstLm::initialise() {
  DecoderLm::initialise();
  const torch::NoGradGuard no_grad;
  constexpr double kDeviation = 0.02, kOpen = 2.0;  // almost every layer runs at first
  for (const auto& router : routers_) {
    router.weight.normal_(0.0, kDeviation);
    router.bias.fill_(kOpen);
  }
}

at::Tensor LayerChoice::pass(std::size_t layer, const at::Tensor& x, const nn::DecoderLayer& run) {
  if (layer == scores_.size()) {
    constexpr double kMajority = 0.5;
    scores_.push_back(fixed_.defined() ? fixed_.select(1, static_cast<int64_t>(layer))
                                       : model_.votes(layer, x));
    rows_.push_back(scores_.back().ge(kMajority).nonzero().squeeze(1));
  }
  const auto& rows = rows_[layer];
  if (rows.size(0) == x.size(0)) return run(x);
  if (rows.size(0) == 0) return x;
  return x.index_copy(0, rows, run(x.index_select(0, rows)));
}

at::Tensor LayerChoice::scores() const { return at::stack(scores_, 1); }

at::Tensor LayerChoice::kept() const {
  auto kept = at::zeros_like(scores());
  for (std::size_t layer = 0; layer < rows_.size(); ++layer)
    kept.select(1, static_cast<int64_t>(layer)).index_fill_(0, rows_[layer], 1.0);
  return kept;
}

at::Tensor FirstStream::read(const at::Tensor& ids) {
  nn::DecoderPass pass{.cache = &cache_};
  pass.around = [&](std::size_t layer, const at::Tensor& x, const nn::DecoderLayer& run) {
    return choice_.pass(layer, x, run);
  };
  return model_.head(model_.hidden(ids, pass).select(1, -1));
}

std::unique_ptr<nn::TokenStream> FirstLm::stream(int64_t capacity) {
  return std::make_unique<FirstStream>(*this, capacity);
}

}  // namespace arzoo::language

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::FirstOptions>() {
  static const ModelEntry entry{
      .name = language::FirstOptions::kName,
      .build = &build_any<language::FirstLm, language::FirstOptions>,
      .experiment = &language::language_experiment<language::FirstLm, language::FirstOptions>,
      .study = language::text_study<&language::study_first>(),
      .replays = {{"first", language::replay_first}}};
  return entry;
}

}  // namespace arzoo::runtime
