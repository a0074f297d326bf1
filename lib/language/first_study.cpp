#include "language/first_study.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>
#include <numbers>

#include "language/first_model.h"
#include "runtime/epoch_order.h"

namespace arzoo::language {
namespace {

/// Sums over rows.
struct FirstTally {
  double nats = 0.0, kept = 0.0;
};

/// Adds what rows cost with the layers that `choice` takes; returns 1 for each of them, [B, layers].
at::Tensor add_to(FirstTally& tally, FirstLm& model, const at::Tensor& rows, LayerChoice choice) {
  const int64_t tokens = rows.size(1) - 1;
  const auto logits = model.chosen_logits(rows.narrow(1, 0, tokens), choice);
  tally.nats += nats_of(logits, rows.narrow(1, 1, tokens)).to(at::kDouble).sum().item<double>();
  const auto kept = choice.kept();
  tally.kept += kept.sum().item<double>();
  return kept;
}

}  // namespace

runtime::Metrics study_first(const StudiedText& studied) {
  auto& model = dynamic_cast<FirstLm&>(*studied.opened.model);
  const auto& text = studied.text;
  constexpr uint64_t kSeed = 0x66697273;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(kSeed);
  const auto indices = runtime::spread_items(text.rows(runtime::Split::test), studied.evaluation.max_rows);
  FirstTally routed, all, random, first;
  int64_t bytes = 0;
  const auto batch = static_cast<std::size_t>(studied.evaluation.batch_size);
  for (std::size_t begin = 0; begin < indices.size(); begin += batch) {
    const auto size = std::min(batch, indices.size() - begin);
    const auto rows = text.batch(runtime::Split::test, {indices.data() + begin, size});
    bytes +=
        text.bytes().index_select(0, rows.narrow(1, 1, rows.size(1) - 1).flatten()).sum().item<int64_t>();
    const auto kept = add_to(routed, model, rows, LayerChoice(model));
    const auto count = kept.sum(1, /*keepdim=*/true);
    const auto ranks = at::rand(kept.sizes(), generator, at::kFloat).argsort(int64_t{1}).argsort(int64_t{1});
    add_to(all, model, rows, LayerChoice(model, at::ones_like(kept)));
    add_to(random, model, rows, LayerChoice(model, ranks.lt(count).to(at::kFloat)));
    add_to(first, model, rows, LayerChoice(model, at::arange(kept.size(1)).lt(count).to(at::kFloat)));
  }
  const auto bits = [&](const FirstTally& tally) {
    return tally.nats / (std::numbers::ln2 * static_cast<double>(bytes));
  };
  return {{"share of layers kept", routed.kept / all.kept},
          {"bits_per_byte, all layers", bits(all)},
          {"bits_per_byte, random layers", bits(random)},
          {"bits_per_byte, first layers", bits(first)}};
}

}  // namespace arzoo::language
