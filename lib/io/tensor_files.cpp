#include "io/tensor_files.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/bytes.h"
#include "core/error.h"
#include "core/json_reader.h"
#include "io/pickle_checkpoint.h"
#include "io/pickle_machine.h"
#include "io/safetensors_header.h"
#include "io/wrapper_names.h"

namespace arzoo::io {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexSuffixes[] = {".safetensors.index.json", ".bin.index.json"};

/// Without an exception where a folder may not be searched: opening the file then says why.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

/// An 8-byte length and then the first byte of a JSON object.
bool is_safetensors(std::string_view bytes, const fs::path& path) {
  return (bytes.size() > 8 && bytes[8] == '{') || path.extension() == ".safetensors";
}

TensorFile read_safetensors(std::shared_ptr<const MappedFile> mapping) {
  auto header = parse_safetensors_header(mapping->bytes(), mapping->path().string());
  return {
      std::move(mapping), "safetensors", std::move(header.tensors), std::move(header.metadata), {}, {}, {}};
}

PickleCheckpoint read_pickle_checkpoint(const MappedFile& mapping) {
  return parse_pickle_checkpoint(mapping.bytes(), mapping.path().string());
}

TensorFile pickle_file(std::shared_ptr<const MappedFile> mapping, PickleCheckpoint checkpoint) {
  return {std::move(mapping),
          checkpoint.is_legacy ? "pytorch (legacy)" : "pytorch",
          std::move(checkpoint.tensors),
          {},
          std::move(checkpoint.state_dicts),
          std::move(checkpoint.opaque),
          {}};
}

/// "os.system" when the bytes begin as a pickle of protocol 0 that first names a global.
std::string named_first(std::string_view bytes) {
  constexpr std::size_t kLongest = 128;
  const auto line_end = [&](std::size_t from) { return bytes.substr(0, from + kLongest).find('\n', from); };
  if (bytes.empty() || bytes[0] != 'c') return "";
  const auto module_end = line_end(0);
  const auto name_end = module_end == bytes.npos ? bytes.npos : line_end(module_end + 1);
  // What follows are the arguments: a mark, an empty tuple or a text.
  if (name_end == bytes.npos || bytes.substr(name_end + 1).find_first_of("()SV") != 0) return "";
  std::string name(bytes.substr(1, name_end - 1));
  std::replace(name.begin(), name.end(), '\n', '.');
  return name;
}

/// "module.Class" of the first object of a pickle that is not read.
std::string first_opaque(const Pickle& pickle) {
  for (const auto& value : pickle.values) {
    if (const auto* opaque = std::get_if<PickleOpaque>(&value))
      return fmt::format("{}.{}", opaque->module, opaque->name);
  }
  return "";
}

/// A file of pickle.dump, which torch.save does not write: read for the sake of the message, which names the
/// first thing that it would call.
void refuse_bare_pickle(const MappedFile& file) {
  const auto bytes = file.bytes();
  const auto where = file.path().string();
  auto global = named_first(bytes);
  const bool has_protocol = bytes.size() > 1 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
  if (has_protocol) global = first_opaque(read_pickle(bytes, where));
  if (!has_protocol && global.empty()) return;
  fail<CheckpointError>("{}: a bare pickle{}, expected a safetensors file or one of torch.save", where,
                        global.empty() ? "" : fmt::format(" that imports {}", in_quotes(global)));
}

[[noreturn]] void refuse_format(const MappedFile& file) {
  constexpr std::string_view kLfsPointer = "version https://git-lfs";
  if (file.bytes().substr(0, kLfsPointer.size()) == kLfsPointer) {
    fail<CheckpointError>("{}: is a pointer of Git LFS, not the weights (run git lfs pull)",
                          file.path().string());
  }
  refuse_bare_pickle(file);
  fail<CheckpointError>("{}: neither a safetensors file nor one of torch.save", file.path().string());
}

/// Tensor name → shard, as the index's "weight_map" says.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  // Less than a file may take: its names are there once more in what is made of them.
  JsonLimits limits;
  limits.bytes = std::size_t{64} << 20;
  limits.memory_floor = std::size_t{24} << 20;
  limits.memory_per_byte = 4;
  const auto where = index.string();
  const auto json = read_json<CheckpointError>(MappedFile::open(index)->bytes(), where, limits);
  const auto weight_map = json.is_object() ? json.find("weight_map") : json.end();
  if (weight_map == json.end() || !weight_map->is_object()) {
    fail<CheckpointError>("{}: no object \"weight_map\" of tensor names and shards", where);
  }
  std::map<std::string, std::string> shards;
  for (const auto& [name, shard] : weight_map->items()) {
    if (!shard.is_string())
      fail<CheckpointError>("{}: weight_map: {}: expected a file name", where, in_quotes(name));
    shards.emplace(name, shard.get<std::string>());
  }
  return shards;
}

void expect_plain_name(const std::string& shard, const fs::path& index) {
  if (shard.empty() || shard == "." || shard == ".." ||
      shard.find_first_of(std::string("/\\\0", 3)) != std::string::npos) {
    fail<CheckpointError>("{}: shard {}, expected the plain name of a file beside the index", index.string(),
                          in_quotes(shard));
  }
}

std::vector<TensorFile> open_shards(const fs::path& index) {
  std::map<std::string, std::set<std::string>> promised;
  for (const auto& [name, shard] : read_weight_map(index)) promised[shard].insert(name);
  std::vector<TensorFile> files;
  for (const auto& [shard, names] : promised) {
    expect_plain_name(shard, index);
    const auto path = index.parent_path() / shard;
    if (!is_there(path)) {
      fail<CheckpointError>("{}: shard {} is missing, expected it beside the index", index.string(),
                            in_quotes(shard));
    }
    files.push_back(open_tensor_file(path));
    auto missing = names;
    for (const auto& tensor : files.back().tensors) {
      if (missing.erase(tensor.name) == 0) {
        fail<CheckpointError>("{}: holds {}, which {} does not list for it", path.string(),
                              in_quotes(tensor.name), index.filename().string());
      }
    }
    if (!missing.empty()) {
      fail<CheckpointError>("{}: does not hold {}, which {} lists for it", path.string(),
                            in_quotes(*missing.begin()), index.filename().string());
    }
    strip_wrappers(files.back().tensors);
  }
  return files;
}

fs::path only_safetensors_of(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  const fs::directory_iterator entries(folder, failure);
  if (failure) fail<CheckpointError>("{}: cannot be listed: {}", folder.string(), failure.message());
  for (const auto& entry : entries) {
    if (entry.path().extension() == ".safetensors") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  if (names.size() > 1) {
    fail<CheckpointError>(
        "{}: holds {} safetensors files ({}, {}, …) and no model.safetensors.index.json, expected one "
        "(name the file)",
        folder.string(), names.size(), names[0], names[1]);
  }
  return names.empty() ? fs::path() : folder / names.front();
}

/// The file in a folder that holds its weights.
fs::path weights_of(const fs::path& folder) {
  for (const auto* name : {"model.safetensors", "model.safetensors.index.json"}) {
    if (is_there(folder / name)) return folder / name;
  }
  if (auto only = only_safetensors_of(folder); !only.empty()) return only;
  for (const auto* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (is_there(folder / name)) return folder / name;
  }
  fail<CheckpointError>(
      "{}: no weights, expected model.safetensors, model.safetensors.index.json, one *.safetensors, "
      "pytorch_model.bin or pytorch_model.bin.index.json",
      folder.string());
}

fs::path resolve(const fs::path& path) {
  std::error_code none;
  return fs::is_directory(path, none) ? weights_of(path) : path;
}

/// A choice that would be ignored was meant for another file.
void refuse_state_dict(const fs::path& file, std::string_view state_dict) {
  if (state_dict.empty()) return;
  fail<CheckpointError>("{}: is no file of torch.save, expected no --state-dict, got {}", file.string(),
                        in_quotes(state_dict));
}

bool is_index(const fs::path& file) {
  const auto name = file.filename().string();
  return std::any_of(std::begin(kIndexSuffixes), std::end(kIndexSuffixes),
                     [&](std::string_view suffix) { return ends_with(name, suffix); });
}

}  // namespace

TensorFile open_tensor_file(const fs::path& path) {
  auto mapping = MappedFile::open(path);
  if (is_pickle_checkpoint(mapping->bytes())) {
    auto checkpoint = read_pickle_checkpoint(*mapping);
    return pickle_file(std::move(mapping), std::move(checkpoint));
  }
  if (!is_safetensors(mapping->bytes(), path)) refuse_format(*mapping);
  return read_safetensors(std::move(mapping));
}

std::vector<TensorFile> open_tensor_files(const fs::path& path, std::string_view state_dict) {
  const auto file = resolve(path);
  if (is_index(file)) {
    refuse_state_dict(file, state_dict);
    return open_shards(file);
  }
  auto mapping = MappedFile::open(file);
  std::vector<TensorFile> files;
  if (is_pickle_checkpoint(mapping->bytes())) {
    auto checkpoint = read_pickle_checkpoint(*mapping);
    const auto chosen =
        state_dict.empty() ? default_state_dict(checkpoint, file.string()) : std::string(state_dict);
    checkpoint.tensors = select_state_dict(checkpoint, chosen, file.string());
    files.push_back(pickle_file(std::move(mapping), std::move(checkpoint)));
    files.back().state_dict = chosen;
  } else {
    refuse_state_dict(file, state_dict);
    files.push_back(open_tensor_file(file));
    strip_wrappers(files.back().tensors);
  }
  return files;
}

std::string_view state_dict_in(const fs::path& path, std::string_view state_dict) {
  if (state_dict.empty()) return "";
  const auto dicts = open_tensor_file(path).state_dicts;
  const auto is_in = [&](std::string_view dict) {
    return dict == state_dict || dict.starts_with(std::string(state_dict) + ".");
  };
  return std::any_of(dicts.begin(), dicts.end(), is_in) ? state_dict : "";
}

// Digests are of one file (runtime/tensor_digests.h): they are left out.
std::vector<std::pair<std::string, std::string>> joined_metadata(const std::vector<TensorFile>& files) {
  std::vector<std::pair<std::string, std::string>> joined;
  std::set<std::string_view> keys;
  for (const auto& file : files) {
    for (const auto& entry : file.metadata) {
      if (entry.first != kDigestsKey && keys.insert(entry.first).second) joined.push_back(entry);
    }
  }
  return joined;
}

TensorSummary describe_tensors(const fs::path& path, std::string_view state_dict) {
  const auto file = resolve(path);
  std::vector<TensorFile> files;
  if (is_index(file) || !state_dict.empty()) {
    files = open_tensor_files(file, state_dict);
  } else {
    files.push_back(open_tensor_file(file));
  }
  TensorSummary summary;
  summary.format = (is_index(file) ? "sharded " : "") + files.front().format;
  for (const auto& part : files) {
    for (const auto& tensor : part.tensors) {
      summary.tensors.push_back({tensor.name, dtype_name(tensor.dtype), tensor.shape, tensor.bytes,
                                 part.mapping->path().filename().string()});
      // A file can list the same bytes often: the sums stay inside 64 bits.
      summary.elements =
          checked_add(summary.elements, tensor.bytes / item_size(tensor.dtype)).value_or(~std::uint64_t{0});
      summary.bytes = checked_add(summary.bytes, tensor.bytes).value_or(~std::uint64_t{0});
    }
    if (!is_index(file)) summary.state_dicts = part.state_dicts;
    summary.opaque.insert(summary.opaque.end(), part.opaque.begin(), part.opaque.end());
  }
  summary.metadata = joined_metadata(files);
  return summary;
}

}  // namespace arzoo::io
