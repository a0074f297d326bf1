#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace arzoo::image {

/// The class of each sample as the rows before its tokens, [B, buffer, D]: its row of `table`, [classes, D],
/// in every slot. labels: [B] long; `classes` itself means none, whose rows are `none`, [B, buffer, D].
/// Throws UsageError, which begins with the model's name, for a class that there is not.
at::Tensor class_condition(const at::Tensor& table, const at::Tensor& none, const at::Tensor& labels,
                           std::string_view model);

}  // namespace arzoo::image
