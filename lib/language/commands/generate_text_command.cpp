#include "language/commands/generate_text_command.h"

#include <torch/torch.h>

#include <chrono>

#include "core/standard_streams.h"
#include "core/text_output.h"
#include "kernels/int8.h"
#include "language/commands/text_rows.h"
#include "language/first_model.h"
#include "runtime/parameter_count.h"

namespace arzoo::language {
namespace {

using Clock = std::chrono::steady_clock;

nn::DecodingRules rules_of(const plan::GenerateTextTask& task, const OpenedText& opened) {
  nn::DecodingRules rules;
  rules.sampling.temperature = task.temperature;
  rules.sampling.top_k = task.top_k;
  rules.sampling.top_p = task.top_p < 1.0 ? task.top_p : 0.0;
  rules.repetition_penalty = task.repetition_penalty;
  rules.ends = opened.ends;
  rules.known = opened.tokenizer->size();
  return rules;
}

/// Generates batches of rows.
class TextRun {
 public:
  TextRun(const plan::GenerateTextTask& task, const OpenedText& opened,
          const runtime::CommandContext& context, const runtime::Compute& compute)
      : task_(task),
        opened_(opened),
        context_(context),
        device_(compute.device),
        rules_(rules_of(task, opened)) {
    if (compute.int8) int8_ = std::make_unique<kernels::Int8Weights>(*opened.model);
  }

  /// Returns the rows' texts, and how many tokens they have together.
  std::vector<Json> generate(const std::vector<TextRow>& rows, const std::vector<std::size_t>& batch) {
    const kernels::Int8Scope int8(int8_.get());
    std::vector<at::Tensor> prompts;
    std::vector<uint64_t> seeds;
    std::vector<RowText> texts;
    for (const auto row : batch) {
      prompts.push_back(at::tensor(rows[row].ids, at::kLong));
      seeds.push_back(rows[row].seed);
      texts.emplace_back(*opened_.tokenizer, opened_.ends, task_.stops);
    }
    const auto prompt = at::stack(prompts).to(device_);
    const auto stream = opened_.model->stream(prompt.size(1) + steps(prompt.size(1)));
    nn::SeededRandomInputs random_inputs(seeds);
    const auto start = Clock::now();
    nn::decode_tokens(*stream, prompt, steps(prompt.size(1)), rules_, random_inputs,
                      [&](const nn::DecodingStep& step) { return hear(step, texts); });
    for (auto& text : texts) show(text.finish());
    if (task_.stream) show("\n");
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return told(rows, batch, texts, *stream, seconds);
  }

 private:
  int64_t steps(int64_t prompt) const {
    const int64_t longest = opened_.model->longest();
    return longest > 0 ? std::min(task_.max_tokens, longest - prompt) : task_.max_tokens;
  }

  bool hear(const nn::DecodingStep& step, std::vector<RowText>& texts) {
    bool open = false;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      show(texts[i].add(step.ids[static_cast<int64_t>(i)].item<int64_t>()));
      open = open || !texts[i].done();
    }
    context_.progress.step();
    return open && !context_.stop.load();
  }

  void show(const std::string& text) const {
    if (task_.stream && !text.empty()) write_standard_output(text);
  }

  std::vector<Json> told(const std::vector<TextRow>& rows, const std::vector<std::size_t>& batch,
                         const std::vector<RowText>& texts, const nn::TokenStream& stream,
                         double seconds) const {
    const auto* first = dynamic_cast<const FirstStream*>(&stream);
    std::vector<Json> all;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      Json text{{"prompt", rows[batch[i]].prompt},
                {"text", texts[i].text()},
                {"ids", texts[i].ids()},
                {"stop", texts[i].stop()},
                {"seed", rows[batch[i]].seed},
                {"tokens_per_second", static_cast<double>(texts[i].ids().size()) / std::max(seconds, 1e-9)}};
      if (first != nullptr) text["kept_layers"] = kept_layers(first->choice(), static_cast<int64_t>(i));
      all.push_back(std::move(text));
    }
    return all;
  }

  static std::vector<int64_t> kept_layers(const LayerChoice& choice, int64_t row) {
    const auto kept = choice.kept()[row].nonzero().squeeze(1).cpu();
    return {kept.const_data_ptr<int64_t>(), kept.const_data_ptr<int64_t>() + kept.numel()};
  }

  const plan::GenerateTextTask& task_;
  const OpenedText& opened_;
  const runtime::CommandContext& context_;
  at::Device device_;
  nn::DecodingRules rules_;
  std::unique_ptr<kernels::Int8Weights> int8_;
};

void write_lines(const std::filesystem::path& path, const std::vector<Json>& texts) {
  TextOutput output(path);
  for (const auto& text : texts) output.append(dump_json(text) + "\n");
  output.commit();
}

}  // namespace

Json run_generate_text(const plan::GenerateTextTask& task, const runtime::CommandContext& context) {
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  const auto opened = open_text_model(task.model, compute);
  const auto rows = text_rows(read_prompts(task), opened, task);
  const auto batches = equal_length_batches(rows, task.stream ? 1 : task.batch_size);
  if (task.dry_run) {
    return {{"plan",
             {{"parameters", runtime::count_parameters(*opened.model).all},
              {"tokenizer", std::string(opened.tokenizer->kind())},
              {"texts", rows.size()},
              {"batches", batches.size()}}}};
  }
  TextRun run(task, opened, context, compute);
  const auto start = Clock::now();
  if (!task.stream) context.progress.begin("tokens", static_cast<int64_t>(batches.size()) * task.max_tokens);
  std::vector<Json> texts(rows.size());
  int64_t tokens = 0;
  for (const auto& batch : batches) {
    auto made = run.generate(rows, batch);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      tokens += static_cast<int64_t>(made[i].at("ids").size());
      texts[batch[i]] = std::move(made[i]);
    }
    if (context.stop.load()) fail<Interrupted>("interrupted");
  }
  if (!task.stream) context.progress.end();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (task.output) write_lines(*task.output, texts);
  Json result{{"texts", std::move(texts)},
              {"tokens", tokens},
              {"seconds", seconds},
              {"tokens_per_second", static_cast<double>(tokens) / std::max(seconds, 1e-9)}};
  if (task.output) result["output"] = task.output->string();
  if (task.stream) result["streamed"] = true;
  return result;
}

}  // namespace arzoo::language
