#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.h"
#include "kernels/quantized_weights.h"
#include "language/bert_model.h"
#include "runtime/device.h"

namespace arzoo::language {

/// How a text's tokens become one vector.
enum class Pooling {
  mean,   ///< of all tokens
  cls,    ///< the first token's
  pooler  ///< the first token's through the model's pooler
};
/// "mean" | "cls" | "pooler". Throws UsageError.
Pooling pooling_of(std::string_view name);

/// An encoder and its tokenizer, ready to make vectors of texts.
class TextEncoder {
 public:
  /// path: a run directory or model folder of a trained bert, or a published BERT folder. Throws
  /// CheckpointError, ConfigError, DataError, UsageError.
  static TextEncoder open(const std::filesystem::path& path, const runtime::Compute& compute);

  int64_t width() const { return model_->options().hidden_size; }
  bool has_pooler() const { return model_->has_pooler(); }
  /// The ids that the model reads of a text, with its special tokens; cut is set where the text is longer
  /// than the model reads, and its end is left out.
  std::vector<int64_t> ids_of(std::string_view text, bool& cut) const;
  /// texts: ids of each; returns [B, D] float on the CPU, a text's vector being its own whatever stands
  /// beside it.
  at::Tensor vectors(const std::vector<std::vector<int64_t>>& texts, Pooling pooling) const;

 private:
  std::shared_ptr<Bert> model_;
  std::unique_ptr<io::Tokenizer> tokenizer_;
  std::unique_ptr<kernels::QuantizedWeights> quantized_;  ///< empty in full precision
  at::Device device_ = at::kCPU;
};

/// Whether a folder without a config.json of ours is a published BERT's.
bool is_published_bert(const std::filesystem::path& path);

}  // namespace arzoo::language
