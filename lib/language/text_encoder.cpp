#include "language/text_encoder.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "language/text_folder.h"
#include "runtime/memory_budget.h"
#include "runtime/named_tensors.h"

namespace arzoo::language {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<Bert> published_bert(const fs::path& folder, const runtime::Compute& compute) {
  const auto config = Config::load(folder / "config.json");
  const auto tensors = bert_tensors(runtime::open_tensors(folder));
  const auto options = published_bert_options(config);
  const auto model = runtime::within_memory(
      config, [&] { return std::make_shared<Bert>(options, tensors.contains("pooler.dense.weight")); });
  runtime::take_strictly(*model, tensors, compute.dtype, folder.string());
  model->to(compute.device);
  return model;
}

void check_vocabulary(const io::Tokenizer& tokenizer, const Bert& model, const fs::path& path) {
  if (tokenizer.size() <= model.options().vocab_size) return;
  fail<CheckpointError>("{}: the tokenizer has {} ids, the model's embedding {}", path.string(),
                        tokenizer.size(), model.options().vocab_size);
}

}  // namespace

Pooling pooling_of(std::string_view name) {
  if (name == "mean") return Pooling::mean;
  if (name == "cls") return Pooling::cls;
  if (name == "pooler") return Pooling::pooler;
  fail<UsageError>("--pool: \"{}\", expected mean, cls or pooler", name);
}

bool is_published_bert(const fs::path& path) {
  if (!fs::exists(path / "config.json")) return false;
  const auto config = Config::load(path / "config.json");
  return config.has("model_type") && config.text("model_type") == "bert";
}

TextEncoder TextEncoder::open(const fs::path& path, const runtime::Compute& compute) {
  TextEncoder encoder;
  encoder.device_ = compute.device;
  if (is_published_bert(path)) {
    encoder.model_ = published_bert(path, compute);
    encoder.tokenizer_ = io::open_tokenizer(path);
  } else {
    auto opened = open_text_model(path, compute);
    const auto model = std::dynamic_pointer_cast<BertLm>(opened.model);
    if (model == nullptr)
      fail<UsageError>("{}: a {}, expected an encoder (bert)", path.string(),
                       opened.options.at("name").get<std::string>());
    encoder.model_ = model->encoder();
    encoder.tokenizer_ = std::move(opened.tokenizer);
  }
  encoder.model_->eval();
  encoder.quantized_ = kernels::quantized_weights(*encoder.model_, compute.quantization);
  check_vocabulary(*encoder.tokenizer_, *encoder.model_, path);
  return encoder;
}

std::vector<int64_t> TextEncoder::ids_of(std::string_view text, bool& cut) const {
  auto ids = tokenizer_->prefix();
  // A tokenizer that puts something before a text also ends it; bytes stand alone.
  const bool framed = !ids.empty() && tokenizer_->end().has_value();
  const auto own = tokenizer_->encode(text);
  const auto room =
      static_cast<std::size_t>(model_->options().max_position_embeddings) - ids.size() - (framed ? 1 : 0);
  cut = own.size() > room;
  ids.insert(ids.end(), own.begin(), own.begin() + static_cast<std::ptrdiff_t>(std::min(room, own.size())));
  if (framed) ids.push_back(*tokenizer_->end());
  return ids;
}

at::Tensor TextEncoder::vectors(const std::vector<std::vector<int64_t>>& texts, Pooling pooling) const {
  const c10::InferenceMode inference;
  const kernels::QuantizedScope scope(quantized_.get());
  std::vector<int64_t> lengths, all;
  for (const auto& text : texts) {
    lengths.push_back(static_cast<int64_t>(text.size()));
    all.insert(all.end(), text.begin(), text.end());
  }
  const nn::PackedSequences sequences(lengths);
  const auto hidden = model_->encode(at::tensor(all, at::kLong).to(device_), sequences).hidden;
  const auto pooled = pooling == Pooling::mean  ? sequences.mean(hidden.to(at::kFloat))
                      : pooling == Pooling::cls ? sequences.first(hidden)
                                                : model_->pooled(hidden, sequences);
  return pooled.to(at::kCPU, at::kFloat);
}

}  // namespace arzoo::language
