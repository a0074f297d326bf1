#include "image/class_condition.h"

#include <torch/torch.h>

#include "core/error.h"

namespace arzoo::image {

at::Tensor class_condition(const at::Tensor& table, const at::Tensor& none, const at::Tensor& labels,
                           std::string_view model) {
  const int64_t classes = table.size(0);
  if (labels.size(0) == 0 || labels.min().item<int64_t>() < 0 || labels.max().item<int64_t>() > classes)
    fail<UsageError>("{}: classes must be a list of numbers in 0..{} ({} is no class)", model, classes,
                     classes);
  const auto rows = at::embedding(table, labels.clamp_max(classes - 1)).unsqueeze(1);
  const auto with_class = rows.expand({labels.size(0), none.size(1), -1});
  const auto is_none = labels.eq(classes);
  if (!is_none.any().item<bool>()) return with_class;
  return at::where(is_none.view({-1, 1, 1}), none, with_class);
}

}  // namespace arzoo::image
