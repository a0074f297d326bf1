#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "core/mapped_file.h"
#include "core/stored_tensor.h"

namespace arzoo::runtime {

c10::ScalarType scalar_type(DType dtype);
/// Throws CheckpointError for an element type that no file format here has.
DType stored_dtype(c10::ScalarType type);

/// The tensor as a view of the mapped file, which it keeps alive; a copy where the file does not align it.
/// `stored` must have come from this file. Throws CheckpointError for a BOOL that is neither 0 nor 1, which
/// in memory would be undefined behaviour.
at::Tensor mapped_tensor(const std::shared_ptr<const MappedFile>& file, const StoredTensor& stored);

}  // namespace arzoo::runtime
