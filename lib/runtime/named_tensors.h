#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}

namespace arzoo::runtime {

/// Tensors with names, in order: weights, fixtures and outputs alike.
class NamedTensors {
 public:
  using Entry = std::pair<std::string, at::Tensor>;

  /// `where` (usually a file) opens the error messages.
  explicit NamedTensors(std::string where = "tensors") : where_(std::move(where)) {}

  /// Throws CheckpointError when the name is taken.
  void add(std::string name, at::Tensor tensor);
  /// Null when there is no tensor of this name.
  const at::Tensor* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Throws CheckpointError, with the nearest name, when there is no tensor of this name.
  const at::Tensor& at(std::string_view name) const;

  std::vector<std::string> names() const;
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  const std::vector<Entry>& entries() const { return entries_; }

  const std::string& where() const { return where_; }
  /// Free text that a file keeps beside its tensors.
  std::vector<std::pair<std::string, std::string>> metadata;
  /// The dict of a PyTorch file that they are of, "model_ema"; empty for the top level and for other files.
  std::string dict;

 private:
  std::string where_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// Opens the weights that `path` means: see open_tensor_files (io/tensor_files.h) for the files, folders
/// and shards that it knows. The tensors are views of the mapped files, checked against the files' digests
/// where there are any (tensor_digests.h); writing to one never reaches the file. Throws CheckpointError.
NamedTensors open_tensors(const std::filesystem::path& path, std::string_view state_dict = "");

/// Parameters and buffers under the names and in the order of Python's Module.state_dict(): of each module
/// its parameters, its buffers, then its children. The tensors are the module's own, without autograd.
NamedTensors state_dict(const torch::nn::Module& module);

/// Whether a name may be missing, foreign or of another shape, e.g. a table that can be computed.
using IgnoredName = std::function<bool(std::string_view name)>;

/// Copies the tensors into the module's parameters and buffers, whose names must be exactly theirs (or
/// another release's, other_names.h), except for tables that a model computes (derived_tables.h): one that
/// only the tensors have is left alone, one that only the module has as a buffer keeps its value. Shapes must
/// be equal, and dtypes too, except that any floating-point type is converted to any other and that a complex
/// tensor fits a real one with a trailing axis of two (real, imaginary). Records no autograd. Throws one
/// CheckpointError, opened by `where`, that counts what is missing, unknown, misshapen or mistyped and names
/// the first eight of each; then nothing has been copied.
void load_strictly(torch::nn::Module& module, const NamedTensors& tensors, std::string_view where,
                   const IgnoredName& ignored = {});

/// The tables (derived_tables.h) that load_strictly lets pass: those that the tensors lack, which keep their
/// computed values, and those that only the tensors have, which nothing uses.
struct TableDifferences {
  std::vector<std::string> missing, foreign;
};
TableDifferences table_differences(const torch::nn::Module& module, const NamedTensors& tensors);

/// Makes the tensors the module's own, of the same names and shapes as load_strictly wants them, floating
/// ones in `dtype`: a tensor that is of it already is taken as it lies, in its file's mapped pages; another
/// is converted. No other weights of the module are ever read or written. Throws as load_strictly does.
void take_strictly(torch::nn::Module& module, const NamedTensors& tensors, at::ScalarType dtype,
                   std::string_view where, const IgnoredName& ignored = {});

}  // namespace arzoo::runtime
