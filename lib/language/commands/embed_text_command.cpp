#include "language/commands/embed_text_command.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text_file.h"
#include "core/text_lines.h"
#include "core/text_output.h"
#include "io/npy_file.h"
#include "language/text_encoder.h"

namespace arzoo::language {
namespace {

namespace fs = std::filesystem;

/// Tokens that are computed together: enough to fill the processor's caches, few enough for any memory.
constexpr std::size_t kTokensAtOnce = 8192;

/// Vectors of all texts, [B, D]: texts of like length are computed together.
class Embedding {
 public:
  Embedding(const TextEncoder& encoder, Pooling pooling, std::size_t texts)
      : encoder_(encoder),
        pooling_(pooling),
        vectors_(at::empty({static_cast<int64_t>(texts), encoder.width()})) {}

  at::Tensor of(const std::vector<std::vector<int64_t>>& ids, const runtime::CommandContext& context) {
    std::vector<std::size_t> order(ids.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return ids[a].size() > ids[b].size(); });
    context.progress.begin("texts", static_cast<int64_t>(ids.size()));
    for (std::size_t begin = 0; begin < order.size();) {
      if (context.stop.load()) fail<Interrupted>("interrupted, nothing written");
      std::size_t end = begin, tokens = 0;
      while (end < order.size() && (end == begin || tokens + ids[order[end]].size() <= kTokensAtOnce))
        tokens += ids[order[end++]].size();
      compute(ids, {order.begin() + static_cast<std::ptrdiff_t>(begin),
                    order.begin() + static_cast<std::ptrdiff_t>(end)});
      context.progress.step({}, static_cast<int64_t>(end - begin));
      begin = end;
    }
    context.progress.end();
    return vectors_;
  }

 private:
  void compute(const std::vector<std::vector<int64_t>>& ids, const std::vector<std::size_t>& numbers) {
    std::vector<std::vector<int64_t>> batch;
    std::vector<int64_t> rows;
    for (const auto number : numbers) {
      batch.push_back(ids[number]);
      rows.push_back(static_cast<int64_t>(number));
    }
    vectors_.index_copy_(0, at::tensor(rows, at::kLong), encoder_.vectors(batch, pooling_));
  }

  const TextEncoder& encoder_;
  Pooling pooling_;
  at::Tensor vectors_;
};

void write_lines(const at::Tensor& vectors, const std::vector<std::string>& texts, const fs::path& path) {
  TextOutput out(path);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto row = vectors[static_cast<int64_t>(i)].contiguous();
    const auto* values = row.const_data_ptr<float>();
    const Json line{{"text", texts[i]}, {"vector", std::vector<float>(values, values + row.numel())}};
    out.append(dump_json(line) + "\n");
  }
  out.commit();
}

void write_vectors(const at::Tensor& vectors, const std::vector<std::string>& texts, const fs::path& path) {
  if (path.extension() == ".npy") {
    const auto whole = vectors.contiguous();
    write_atomically(path,
                     io::npy_bytes({io::NumberType{},
                                    whole.sizes().vec(),
                                    {static_cast<const char*>(whole.const_data_ptr()), whole.nbytes()}}));
  } else {
    write_lines(vectors, texts, path);
  }
}

}  // namespace

Json run_embed_text(const plan::EmbedTextTask& task, const runtime::CommandContext& context) {
  const auto pooling = pooling_of(task.pool);
  runtime::set_threads(task.compute.threads);
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  const auto encoder = TextEncoder::open(task.model, compute);
  if (pooling == Pooling::pooler && !encoder.has_pooler())
    fail<UsageError>("--pool: {} has no pooler, expected mean or cls", task.model.string());
  const auto texts = lines_of(read_text_file(task.input));
  if (texts.empty()) fail<DataError>("{}: no text, expected one a line", task.input.string());
  std::vector<std::vector<int64_t>> ids;
  int64_t cut = 0, tokens = 0;
  for (const auto& text : texts) {
    bool is_cut = false;
    ids.push_back(encoder.ids_of(text, is_cut));
    cut += is_cut ? 1 : 0;
    tokens += static_cast<int64_t>(ids.back().size());
  }
  if (task.dry_run) {
    return {{"plan",
             {{"texts", texts.size()},
              {"tokens", tokens},
              {"width", encoder.width()},
              {"output", task.output.string()}}}};
  }
  if (cut > 0)
    context.progress.note(fmt::format(
        "{} of {} texts are longer than the model reads: their ends are left out", cut, texts.size()));
  const auto begin = std::chrono::steady_clock::now();
  auto vectors = Embedding(encoder, pooling, texts.size()).of(ids, context);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (task.normalize) vectors = vectors / vectors.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12);
  write_vectors(vectors, texts, task.output);
  return {{"output", task.output.string()},
          {"texts", texts.size()},
          {"width", encoder.width()},
          {"tokens", tokens},
          {"cut", cut},
          {"seconds", seconds},
          {"tokens_per_second", static_cast<double>(tokens) / std::max(seconds, 1e-9)}};
}

}  // namespace arzoo::language
