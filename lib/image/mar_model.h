#pragma once

#include "image/mar.h"
#include "nn/masked_generator.h"

namespace arzoo::image {

/// MAR's transformer and head, without the tokenizer: a masked generator whose condition is the class, the
/// same row in every slot of the buffer. class_num means no class.
class Mar : public nn::MaskedGenerator {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit Mar(const MarOptions& options);

  const MarOptions& options() const { return options_; }
  int64_t null_class() const { return options_.class_num; }
  /// Rows of the classes [B] long, [B, buffer, D]. Throws UsageError for a class that is none.
  at::Tensor condition(const at::Tensor& labels) const;

  /// The official start.
  void initialise();

 private:
  MarOptions options_;
  at::Tensor class_emb_;  ///< [class_num, D]
};

}  // namespace arzoo::image
