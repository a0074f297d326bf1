#include "language/commands/score_command.h"

#include <torch/torch.h>

#include <chrono>
#include <cmath>
#include <numbers>

#include "core/text_file.h"
#include "language/ready_model.h"
#include "language/text_folder.h"
#include "runtime/parameter_count.h"

namespace arzoo::language {
namespace {

// Where neither the task nor the model's folder says how much of the text before a token is read.
constexpr int64_t kDefaultContext = 512;

struct Sums {
  double nats = 0.0;
  int64_t tokens = 0, bytes = 0;
};

/// Windows over one text: each reads `context` tokens and is counted for its last `stride` predictions, the
/// first for all.
class Windows {
 public:
  Windows(const OpenedText& opened, int64_t context, int64_t stride)
      : opened_(opened), context_(context), stride_(stride) {}

  Sums score(std::string_view text, int64_t batch_size, at::Device device,
             const std::atomic<bool>& stop) const {
    const auto tokens = tokens_of(text);
    const int64_t predicted = tokens.size(0) - 1;
    Sums sums;
    std::vector<at::Tensor> rows;
    std::vector<int64_t> counted;
    const auto flush = [&] {
      if (!rows.empty()) add(at::stack(rows).to(device), counted, sums);
      rows.clear();
      counted.clear();
    };
    for (int64_t done = 0; done < predicted;) {
      const int64_t end = std::min(predicted, std::max(context_, done + stride_));
      const int64_t begin = std::max<int64_t>(0, end - context_);
      auto row = tokens.narrow(0, begin, end - begin + 1).clone();
      if (const auto start = opened_.model->start()) row[0] = *start;
      if (!rows.empty() && row.size(0) != rows.front().size(0)) flush();
      rows.push_back(row);
      counted.push_back(end - done);
      done = end;
      if (static_cast<int64_t>(rows.size()) == batch_size) flush();
      if (stop.load()) fail<Interrupted>("interrupted");
    }
    flush();
    return sums;
  }

 private:
  /// With a token before the first, so that all of the text is predicted, where there is one to put there.
  at::Tensor tokens_of(std::string_view text) const {
    std::vector<int64_t> ids;
    if (const auto start = opened_.model->start()) {
      ids.push_back(*start);
    } else if (const auto prefix = opened_.tokenizer->prefix(); !prefix.empty()) {
      ids = prefix;
    } else if (!opened_.ends.empty()) {
      ids.push_back(opened_.ends.front());
    }
    const auto own = opened_.tokenizer->encode(text);
    ids.insert(ids.end(), own.begin(), own.end());
    return at::tensor(ids, at::kLong);
  }

  void add(const at::Tensor& rows, const std::vector<int64_t>& counted, Sums& sums) const {
    const auto losses = opened_.model->token_losses(rows);
    const auto targets = rows.narrow(1, 1, rows.size(1) - 1).cpu();
    auto counts = losses.counts.defined() ? losses.counts.cpu() : at::ones_like(targets, at::kBool);
    for (std::size_t i = 0; i < counted.size(); ++i)
      counts[static_cast<int64_t>(i)].narrow(0, 0, counts.size(1) - counted[i]).fill_(false);
    sums.nats += losses.nats.cpu().to(at::kDouble).masked_select(counts).sum().item<double>();
    const auto ids = targets.masked_select(counts);
    sums.tokens += ids.numel();
    for (int64_t i = 0; i < ids.numel(); ++i)
      sums.bytes += static_cast<int64_t>(opened_.tokenizer->bytes_of(ids[i].item<int64_t>(), false).size());
  }

  const OpenedText& opened_;
  int64_t context_, stride_;
};

Json told(const std::filesystem::path& path, const Sums& sums) {
  const double mean = sums.nats / static_cast<double>(std::max<int64_t>(1, sums.tokens));
  return {{"path", path.string()},
          {"tokens", sums.tokens},
          {"bytes", sums.bytes},
          {"nats", mean},
          {"perplexity", std::exp(mean)},
          {"bits_per_byte",
           sums.nats / (std::numbers::ln2 * static_cast<double>(std::max<int64_t>(1, sums.bytes)))}};
}

}  // namespace

Json run_score(const plan::ScoreTask& task, const runtime::CommandContext& context) {
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  const auto opened = open_text_model(task.model, compute);
  const int64_t longest = opened.model->longest();
  const int64_t own = longest > 0 ? std::min(longest, kDefaultContext) : kDefaultContext;
  const int64_t length = task.context.value_or(opened.context.value_or(own)),
                stride = task.stride.value_or(length);
  if (longest > 0 && length > longest)
    fail<UsageError>("--context: {} tokens, but the model reads at most {}", length, longest);
  if (stride > length) fail<UsageError>("--stride: {}, expected at most --context ({})", stride, length);
  if (task.dry_run) {
    return {{"plan",
             {{"parameters", runtime::count_parameters(*opened.model).all},
              {"tokenizer", std::string(opened.tokenizer->kind())},
              {"files", task.inputs.size()},
              {"context", length},
              {"stride", stride}}}};
  }
  const auto weights = make_ready(*opened.model, compute);
  const c10::InferenceMode inference;
  const kernels::QuantizedScope scope(weights.get());
  const Windows windows(opened, length, stride);
  const auto start = std::chrono::steady_clock::now();
  Json files = Json::array();
  context.progress.begin("files", static_cast<int64_t>(task.inputs.size()));
  for (const auto& path : task.inputs) {
    if (std::filesystem::is_directory(path))
      fail<DataError>("{}: a folder, expected a text file", path.string());
    const auto text = read_text_file(path);
    if (text.empty()) fail<DataError>("{}: no text", path.string());
    if (const int64_t replaced = opened.tokenizer->replaced_bytes(text); replaced > 0)
      context.progress.warn(
          fmt::format("{}: {} bytes are no UTF-8 and became U+FFFD", path.string(), replaced));
    files.push_back(told(path, windows.score(text, task.batch_size, compute.device, context.stop)));
    context.progress.step();
  }
  context.progress.end();
  return {{"files", std::move(files)},
          {"context", length},
          {"stride", stride},
          {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()}};
}

}  // namespace arzoo::language
