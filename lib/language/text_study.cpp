#include "language/text_study.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "language/data_options.h"
#include "runtime/metrics_json.h"
#include "runtime/parameter_count.h"
#include "runtime/peak_memory.h"

namespace arzoo::language {
namespace {

/// Prompts from the test text, [rows, tokens], one behind the other and again from the front.
at::Tensor prompts_of(const StudiedText& studied, int64_t rows, int64_t tokens) {
  const auto& text = studied.text;
  std::vector<int64_t> indices(static_cast<std::size_t>(rows));
  std::iota(indices.begin(), indices.end(), 0);
  for (auto& index : indices) index %= text.rows(runtime::Split::test);
  const auto whole = text.batch(runtime::Split::test, {indices.data(), indices.size()});
  return whole.narrow(1, 0, std::min(tokens, whole.size(1)));
}

/// Tokens per second of a greedy continuation, the prompt's own time included: the median over the rounds.
double tokens_per_second(LanguageModel& model, const at::Tensor& prompts, const TextStudyOptions& options) {
  nn::DecodingRules rules;
  rules.sampling.temperature = 0.0;
  std::vector<double> rates;
  for (int64_t round = 0; round <= options.rounds; ++round) {
    nn::SeededRandomInputs none(std::vector<uint64_t>(static_cast<std::size_t>(prompts.size(0))));
    const auto begun = std::chrono::steady_clock::now();
    const auto stream = model.stream(prompts.size(1) + options.tokens);
    nn::decode_tokens(*stream, prompts, options.tokens, rules, none);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
    const auto made = static_cast<double>(prompts.size(0) * options.tokens);
    if (round > 0) rates.push_back(made / seconds.count());  // the first warms up
  }
  const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
  std::nth_element(rates.begin(), middle, rates.end());
  return *middle;
}

StudiedText opened_study(const Config& run, const std::filesystem::path& model) {
  auto opened = open_text_model(model, {});
  const auto data = run.at("data").as<DataOptions>();
  TextTokens text(data, *opened.tokenizer, opened.model->start());
  return {std::move(opened), data, run.at("evaluation").as<EvaluationOptions>(), std::move(text)};
}

}  // namespace

Json run_text_study(const Config& options, const Config& run, const std::filesystem::path& model,
                    MoreMetrics more) {
  const auto own = options.as<TextStudyOptions>();
  const auto studied = opened_study(run, model);
  auto& network = *studied.opened.model;
  const c10::InferenceMode inference;
  runtime::Metrics metrics{
      {"parameters", static_cast<double>(runtime::count_parameters(network).all)},
      {"tokens/s, 1 row", tokens_per_second(network, prompts_of(studied, 1, own.prompt), own)}};
  const runtime::PeakMemory memory;
  metrics.emplace_back(fmt::format("tokens/s, {} rows", own.rows),
                       tokens_per_second(network, prompts_of(studied, own.rows, own.prompt), own));
  constexpr double kMib = 1 << 20;
  if (const auto growth = memory.growth())
    metrics.emplace_back(fmt::format("decoding MiB, {} rows", own.rows), static_cast<double>(*growth) / kMib);
  if (more != nullptr) {
    for (auto& metric : more(studied)) metrics.push_back(std::move(metric));
  }
  return {{"test", runtime::metrics_json(metrics)},
          {"markdown", ""},
          {"tables", Json::array()},
          {"charts", Json::array()}};
}

}  // namespace arzoo::language
