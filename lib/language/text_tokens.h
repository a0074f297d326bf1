#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.h"
#include "language/data_options.h"
#include "runtime/experiment.h"

namespace arzoo::language {

/// Calls each document of `path`: a text file is one, each line of a .jsonl file is one, of a folder each
/// file in the order of the names. Throws DataError.
void each_document(const std::filesystem::path& path, const std::function<void(std::string_view)>& use);

/// The ids of a text, one document behind the other.
struct TokenRow {
  at::Tensor ids;  ///< [N] short or int
  int64_t documents = 0, bytes = 0;
  int64_t replaced =
      0;  ///< bytes that are no UTF-8, of which the tokenizer makes U+FFFD; of a text just read
};

/// The documents of a data section as one row of tokens, with an end behind each, cut by position into
/// training, test and validation. With `tokens` the row is a file that is mapped into memory. With `windows`
/// "documents" no row of context + 1 tokens reaches from one document into the next.
class TextTokens {
 public:
  /// context_start: an id that stands before each row of the model, if it was trained with one. Throws
  /// DataError for a text that does not fill a row of each split.
  TextTokens(const DataOptions& options, const io::Tokenizer& tokenizer,
             std::optional<int64_t> context_start);

  int64_t rows(runtime::Split split) const;
  /// Rows of context + 1 tokens, [indices, context + 1] long: a token that is only read, and those that are
  /// predicted. Rows of a split do not overlap in what they predict.
  at::Tensor batch(runtime::Split split, at::ArrayRef<int64_t> indices) const;
  /// UTF-8 bytes that each id stands for, [V] long.
  const at::Tensor& bytes() const { return bytes_; }
  /// "1 document, 300000 tokens of 300000 bytes (bytes)".
  const std::string& summary() const { return summary_; }

 private:
  struct Part {
    int64_t begin = 0, tokens = 0;
  };
  static std::size_t place(runtime::Split split);
  const Part& part(runtime::Split split) const { return parts_[place(split)]; }
  /// Of `windows` "documents": finds where the rows of the parts begin; a document ends behind each `end`.
  void find_rows(int64_t end);

  static TokenRow row_of(const DataOptions& options, const io::Tokenizer& tokenizer,
                         std::optional<int64_t> end);

  int64_t context_;
  std::optional<int64_t> start_;
  at::Tensor tokens_;  ///< [N] short or int
  Part parts_[3];      ///< training, validation, test
  bool by_document_;
  std::vector<int64_t> begins_[3];  ///< of the rows of each part, by document
  at::Tensor bytes_;
  std::string summary_;
};

}  // namespace arzoo::language
