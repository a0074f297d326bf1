#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "io/stored_tensor.h"
#include "io/tensor_files.h"

namespace arzoo::runtime {

c10::ScalarType scalar_type(io::DType dtype);
/// Throws CheckpointError for an element type that no file format here has.
io::DType stored_dtype(c10::ScalarType type);

/// The tensors of `file`, in its order, as views of the mapped file, which they keep alive. What the file
/// does not align is copied: once, however many tensors share it. Throws CheckpointError for a BOOL that is
/// neither 0 nor 1, which in memory would be undefined behaviour, and when the copies exceed the file's
/// budget (core/file_budget.h).
std::vector<at::Tensor> mapped_tensors(const io::TensorFile& file);

}  // namespace arzoo::runtime
