#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/tensor_files.h"
#include "runtime/named_tensors.h"

namespace arzoo::runtime {

/// One .safetensors file, mapped into memory; tensors are made one by one, as they are asked for.
class SafetensorsFile {
 public:
  /// Throws CheckpointError when the file is not a well-formed safetensors file.
  explicit SafetensorsFile(const std::filesystem::path& path);

  /// In the order of the header.
  const std::vector<StoredTensor>& entries() const { return file_.tensors; }
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return file_.metadata; }
  bool contains(std::string_view name) const { return index_.count(std::string(name)) > 0; }

  /// A view of the file's pages, valid as long as it lives (this object need not). Writing to it changes this
  /// process's copy of a page, not the file; two tensors of one name share it. Throws CheckpointError when
  /// there is no such name.
  at::Tensor tensor(std::string_view name) const;

 private:
  TensorFile file_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// Writes the tensors, from any device and of any strides, and the metadata to `path`; whoever reads it
/// meanwhile sees the old file or the new one. The header lists them in the given order; their bytes lie in
/// the order of falling element size, so that each is aligned. No more than one tensor is copied at a time.
/// Throws CheckpointError for a name or element type that the format does not have, SystemFailure when
/// writing fails.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensors::Entry>& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata = {});

}  // namespace arzoo::runtime
