#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mapped_file.h"
#include "io/stored_tensor.h"

/// Files of named tensors, whatever their format, without LibTorch.
namespace arzoo::io {

/// One file and where its tensors lie in it.
struct TensorFile {
  std::shared_ptr<const MappedFile> mapping;
  std::string format;  ///< "safetensors", "pytorch" or "pytorch (legacy)"
  std::vector<StoredTensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> state_dicts;  ///< paths of the state dicts in a PyTorch file
  std::vector<std::string> opaque;       ///< what a PyTorch file holds besides and was not read
  std::string state_dict;                ///< the one that the tensors are of; empty for all or the top level
};

/// Opens a .safetensors, .pth, .pt or .bin file; its content decides, not its name. The tensors are all there
/// are, under their full paths. Throws CheckpointError naming the file when it is broken or of another kind.
TensorFile open_tensor_file(const std::filesystem::path& path);

/// Opens the weights that `path` means: a file as above, a model.safetensors.index.json or
/// pytorch_model.bin.index.json with its shards beside it, or a folder that holds model.safetensors, such an
/// index of its, a single *.safetensors, pytorch_model.bin or its index (the first of these that exists). Of
/// a PyTorch file only the state dict `state_dict` is taken (see select_state_dict); for files of other kinds
/// and shards it must be empty. Names are without those of wrappers (wrapper_names.h). Throws
/// CheckpointError; for shards also when one is missing, is not a plain file name, or does not hold exactly
/// the tensors that the index promises.
std::vector<TensorFile> open_tensor_files(const std::filesystem::path& path,
                                          std::string_view state_dict = "");

/// `state_dict` where the PyTorch file at `path` holds it; empty, for the default one, where it does not. For
/// an option that concerns one of several files. Throws as open_tensor_file does.
std::string_view state_dict_in(const std::filesystem::path& path, std::string_view state_dict);

/// The metadata of all files together; of files that disagree about a key the first one counts.
std::vector<std::pair<std::string, std::string>> joined_metadata(const std::vector<TensorFile>& files);

/// What `arzoo inspect` shows.
struct TensorSummary {
  struct Row {
    std::string name;
    std::string_view dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t bytes;
    std::string file;
  };
  std::string format;  ///< as in TensorFile, or "sharded safetensors", "sharded pytorch"
  std::vector<Row> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> state_dicts;
  std::vector<std::string> opaque;  ///< as in TensorFile
  std::uint64_t elements = 0;       ///< of all tensors together
  std::uint64_t bytes = 0;
};

/// Every tensor of the file or folder that `path` means, not only of the state dict that would be loaded;
/// with `state_dict` the tensors of that one, under its own names.
TensorSummary describe_tensors(const std::filesystem::path& path, std::string_view state_dict = "");

}  // namespace arzoo::io
