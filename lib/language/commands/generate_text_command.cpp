#include "language/commands/generate_text_command.h"

#include <torch/torch.h>

#include <chrono>

#include "core/standard_streams.h"
#include "core/text_output.h"
#include "language/commands/text_rows.h"
#include "language/first_model.h"
#include "language/ready_model.h"
#include "nn/drafter.h"
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

/// The most tokens that a text may have besides its prompt.
int64_t new_tokens(const plan::GenerateTextTask& task, const OpenedText& opened, int64_t prompt) {
  const int64_t longest = opened.model->longest();
  return longest > 0 ? std::min(task.max_tokens, longest - prompt) : task.max_tokens;
}

/// The model of --drafter. Throws UsageError where it cannot draft for the other.
std::optional<OpenedText> open_drafter(const plan::GenerateTextTask& task, const OpenedText& opened,
                                       const std::vector<TextRow>& rows, const runtime::Compute& compute) {
  if (!task.drafter) return std::nullopt;
  auto drafter = open_text_model(*task.drafter, compute);
  const auto refuse = [&](const std::string& why) {
    fail<UsageError>("--drafter: {}: {}", task.drafter->string(), why);
  };
  for (const auto* one : {&opened, static_cast<const OpenedText*>(&drafter)}) {
    if (one->model->draft_target({}, 1, 1) != nullptr) continue;
    const bool own = one == &opened;
    fail<UsageError>(
        "--drafter: {}: a model that cannot take back what it has read, expected plain attention",
        own ? task.model.string() : task.drafter->string());
  }
  const auto &own = *opened.tokenizer, &other = *drafter.tokenizer;
  if (own.kind() != other.kind() || own.size() != other.size())
    refuse(fmt::format("a tokenizer of {} {} ids, expected the model's {} {}", other.size(), other.kind(),
                       own.size(), own.kind()));
  const int64_t longest = drafter.model->longest();
  for (const auto& row : rows) {
    if (own.encode(row.prompt) != other.encode(row.prompt))
      refuse("a tokenizer that gives a prompt other ids than the model's");
    const auto prompt = static_cast<int64_t>(row.ids.size()),
               whole = prompt + new_tokens(task, opened, prompt);
    if (longest > 0 && longest < whole)
      refuse(fmt::format("reads at most {} tokens, but a text may have {} (--max-tokens)", longest, whole));
  }
  return drafter;
}

/// Generates batches of rows.
class TextRun {
 public:
  TextRun(const plan::GenerateTextTask& task, const OpenedText& opened, std::optional<OpenedText> drafter,
          const runtime::CommandContext& context, const runtime::Compute& compute)
      : task_(task),
        opened_(opened),
        drafter_(std::move(drafter)),
        context_(context),
        device_(compute.device),
        rules_(rules_of(task, opened)) {
    const auto all = std::make_shared<torch::nn::Module>();
    all->register_module("model", opened.model);
    if (drafter_) all->register_module("drafter", drafter_->model);
    quantized_ = make_ready(*all, compute);
  }

  /// What decoding with drafts came to so far.
  const nn::DraftCounts& counts() const { return counts_; }

  /// Returns the rows' texts, and how many tokens they have together.
  std::vector<Json> generate(const std::vector<TextRow>& rows, const std::vector<std::size_t>& batch) {
    const kernels::QuantizedScope scope(quantized_.get());
    std::vector<std::vector<int64_t>> prompts;
    std::vector<uint64_t> seeds;
    std::vector<RowText> texts;
    for (const auto row : batch) {
      prompts.push_back(rows[row].ids);
      seeds.push_back(rows[row].seed);
      texts.emplace_back(*opened_.tokenizer, opened_.ends, task_.stops);
    }
    const auto start = Clock::now();
    std::unique_ptr<nn::TokenStream> stream;
    if (drafter_) {
      generate_with_drafts(prompts, seeds, texts);
    } else {
      stream = generate_one_by_one(prompts, seeds, texts);
    }
    for (auto& text : texts) show(text.finish());
    if (task_.stream) show("\n");
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return told(rows, batch, texts, stream.get(), seconds);
  }

 private:
  int64_t steps(int64_t prompt) const { return new_tokens(task_, opened_, prompt); }

  std::unique_ptr<nn::TokenStream> generate_one_by_one(const std::vector<std::vector<int64_t>>& prompts,
                                                       const std::vector<uint64_t>& seeds,
                                                       std::vector<RowText>& texts) {
    std::vector<at::Tensor> ids;
    for (const auto& prompt : prompts) ids.push_back(at::tensor(prompt, at::kLong));
    const auto prompt = at::stack(ids).to(device_);
    auto stream = opened_.model->stream(prompt.size(1) + steps(prompt.size(1)));
    nn::SeededRandomInputs random_inputs(seeds);
    nn::decode_tokens(*stream, prompt, steps(prompt.size(1)), rules_, random_inputs,
                      [&](const nn::DecodingStep& step) {
                        std::vector<std::vector<int64_t>> added;
                        for (std::size_t i = 0; i < texts.size(); ++i)
                          added.push_back({step.ids[static_cast<int64_t>(i)].item<int64_t>()});
                        return hear(added, texts);
                      });
    return stream;
  }

  void generate_with_drafts(const std::vector<std::vector<int64_t>>& prompts,
                            const std::vector<uint64_t>& seeds, std::vector<RowText>& texts) {
    const c10::InferenceMode inference;
    const auto known = static_cast<int64_t>(prompts.front().size()), length = known + steps(known);
    const auto target = opened_.model->draft_target(prompts, length, rules_.known);
    const auto small = drafter_->model->draft_target(prompts, length, rules_.known);
    nn::ModelDrafter drafter(*small, task_.drafts, rules_);
    std::vector<nn::SeededDrafts> own(seeds.begin(), seeds.end());
    std::vector<nn::DraftRandomInputs*> random_inputs;
    for (auto& row : own) random_inputs.push_back(&row);
    const nn::RatioAcceptor acceptor;
    nn::AcceptedDrafts choice(acceptor, random_inputs);
    nn::decode({.target = *target,
                .drafter = drafter,
                .choice = choice,
                .rules = rules_,
                .prompt = known,
                .watch = [&](const nn::DecodingRound& round) { return hear(round.added, texts); }},
               prompts, length, &counts_);
  }

  bool hear(const std::vector<std::vector<int64_t>>& added, std::vector<RowText>& texts) {
    bool open = false;
    std::size_t most = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (const auto id : added[i]) show(texts[i].add(id));
      open = open || !texts[i].done();
      most = std::max(most, added[i].size());
    }
    context_.progress.step({}, static_cast<int64_t>(most));
    return open && !context_.stop.load();
  }

  void show(const std::string& text) const {
    if (task_.stream && !text.empty()) write_standard_output(text);
  }

  std::vector<Json> told(const std::vector<TextRow>& rows, const std::vector<std::size_t>& batch,
                         const std::vector<RowText>& texts, const nn::TokenStream* stream,
                         double seconds) const {
    const auto* first = dynamic_cast<const FirstStream*>(stream);
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
  std::optional<OpenedText> drafter_;
  const runtime::CommandContext& context_;
  at::Device device_;
  nn::DecodingRules rules_;
  nn::DraftCounts counts_;
  std::unique_ptr<kernels::QuantizedWeights> quantized_;
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
  for (const auto& warning : prompt_warnings(rows, opened)) context.progress.warn(warning);
  auto drafter = open_drafter(task, opened, rows, compute);
  const auto batches = equal_length_batches(rows, task.stream ? 1 : task.batch_size);
  if (task.dry_run) {
    return {{"plan",
             {{"parameters", runtime::count_parameters(*opened.model).all},
              {"tokenizer", std::string(opened.tokenizer->kind())},
              {"texts", rows.size()},
              {"batches", batches.size()}}}};
  }
  TextRun run(task, opened, std::move(drafter), context, compute);
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
  if (task.drafter)
    context.progress.note(fmt::format("drafts: {} passes, {:.2f} tokens a pass", run.counts().passes,
                                      run.counts().tokens_per_pass()));
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (task.output) write_lines(*task.output, texts);
  Json result{{"texts", std::move(texts)},
              {"tokens", tokens},
              {"seconds", seconds},
              {"tokens_per_second", static_cast<double>(tokens) / std::max(seconds, 1e-9)}};
  if (task.drafter) {
    const auto& counts = run.counts();
    result["decoding"] = {{"passes", counts.passes},
                          {"drafter_passes", counts.drafter_passes},
                          {"tokens_per_pass", counts.tokens_per_pass()},
                          {"accepted_by_depth", counts.accepted_shares()}};
  }
  if (task.output) result["output"] = task.output->string();
  if (task.stream) result["streamed"] = true;
  return result;
}

}  // namespace arzoo::language
