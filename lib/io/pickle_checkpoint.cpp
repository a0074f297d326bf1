#include "io/pickle_checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "core/bytes.h"
#include "core/display_text.h"
#include "core/error.h"
#include "core/file_budget.h"
#include "io/pickle_machine.h"
#include "io/wrapper_names.h"
#include "io/zip_archive.h"

namespace arzoo::io {

namespace {

using namespace std::string_view_literals;

/// Bytes of a storage, counted from the file's start.
struct StorageUse {
  std::uint64_t offset, size;
};

struct Contents {
  Pickle pickle;
  std::unordered_map<std::string_view, StorageUse> storages;
};

constexpr std::string_view kZipStart = "PK\x03\x04"sv;
// The long 0x1950a86a20f9469cfc6c and the end mark, after the two bytes that tell the pickle protocol.
constexpr std::string_view kLegacyMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."sv;

bool is_legacy(std::string_view bytes) {
  return bytes.size() >= 2 + kLegacyMagic.size() && bytes[0] == '\x80' &&
         bytes.substr(2, kLegacyMagic.size()) == kLegacyMagic;
}

Contents read_zip(std::string_view bytes, FileBudget& budget, std::string_view where) {
  const auto archive = ZipArchive::parse(bytes, where);
  if (archive.records().empty()) fail<CheckpointError>("{}: empty zip archive", where);
  // Every record lies in one folder, named as the file was when it was written.
  const auto first = archive.records().front().name;
  const std::string folder(first.substr(0, first.find('/') + 1));
  const auto* values = archive.find(folder + "data.pkl");
  if (values == nullptr) {
    fail<CheckpointError>("{}: zip archive without {}, expected a file of torch.save", where,
                          in_quotes(folder + "data.pkl"));
  }
  const auto* byte_order = archive.find(folder + "byteorder");
  if (byte_order != nullptr && byte_order->content != "little") {
    fail<CheckpointError>("{}: byte order {}, expected little", where, in_quotes(byte_order->content));
  }
  Contents contents{read_pickle(values->content, where, budget), {}};
  const std::string data = folder + "data/";
  for (const auto& record : archive.records()) {
    if (record.name.substr(0, data.size()) != data) continue;
    contents.storages.emplace(record.name.substr(data.size()),
                              StorageUse{record.offset, record.content.size()});
  }
  return contents;
}

/// Four pickles in a row (magic number, protocol, system, values), the list of storage keys, then the
/// storages in this order, each preceded by its number of elements.
Contents read_legacy(std::string_view bytes, FileBudget& budget, std::string_view where) {
  ByteReader<CheckpointError> reader(bytes, where);
  const auto next_pickle = [&] {
    auto pickle = read_pickle(bytes.substr(reader.position()), where, budget);
    reader.take(pickle.size, "a pickle");
    return pickle;
  };
  for (int skipped = 0; skipped < 3; ++skipped) next_pickle();
  Contents contents{next_pickle(), {}};
  const auto keys = next_pickle();
  std::unordered_map<std::string_view, const PickleStorage*> storages;
  for (const auto& value : contents.pickle.values) {
    if (const auto* storage = std::get_if<PickleStorage>(&value)) storages.emplace(storage->key, storage);
  }
  const auto* list = keys.get_if<PickleSequence>(keys.root);
  if (list == nullptr) fail<CheckpointError>("{}: the list of storages is missing", where);
  for (const auto ref : list->items) {
    const auto* key = keys.get_if<PickleText>(ref);
    const auto found = key == nullptr ? storages.end() : storages.find(key->text);
    if (found == storages.end()) fail<CheckpointError>("{}: lists a storage that no tensor uses", where);
    const auto elements = reader.little<std::uint64_t>("a storage's size");
    const auto size = checked_multiply(elements, item_size(found->second->dtype));
    if (!size)
      fail<CheckpointError>("{}: storage {} of {} elements", where, in_quotes(found->first), elements);
    const StorageUse extent{reader.position(), *size};
    reader.take(*size, "a storage");
    contents.storages.emplace(found->first, extent);
  }
  return contents;
}

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (auto i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

/// Elements from the first to behind the last one of a view that is not empty; nothing if beyond 64 bits.
std::optional<std::uint64_t> reach(const PickleTensor& tensor) {
  auto end = checked_add(tensor.offset, 1);
  for (std::size_t i = 0; end && i < tensor.shape.size(); ++i) {
    const auto step = checked_multiply(static_cast<std::uint64_t>(tensor.shape[i] - 1),
                                       static_cast<std::uint64_t>(tensor.strides[i]));
    end = step ? checked_add(*end, *step) : std::nullopt;
  }
  return end;
}

/// Collects the tensors below the root with their paths.
class TensorWalk {
 public:
  TensorWalk(const Contents& contents, FileBudget& memory, std::string_view where)
      : contents_(contents),
        memory_(memory),
        file_size_(memory.file_bytes()),
        where_(where),
        budget_(4 * contents.pickle.size + 4096) {}

  PickleCheckpoint run() {
    if (contents_.pickle.get_if<std::unique_ptr<const PickleTensor>>(contents_.pickle.root) != nullptr) {
      fail<CheckpointError>("{}: holds a tensor without a name, expected a dict of tensors", where_);
    }
    if (const auto* opaque = contents_.pickle.get_if<PickleOpaque>(contents_.pickle.root)) {
      fail<CheckpointError>(
          "{}: is an object of {}, which is never made, expected a dict of tensors (save its "
          "state_dict())",
          where_, opaque->shown());
    }
    visit(contents_.pickle.root, 0, false);
    found_.is_lightning = holds_lightning_version();
    return std::move(found_);
  }

 private:
  /// What is shared is visited each time it is met, and a container may hold itself: both end here.
  void charge(std::uint64_t cost) {
    if (cost > budget_) fail<CheckpointError>("{}: repeats or contains itself beyond its own size", where_);
    budget_ -= cost;
  }

  bool holds_lightning_version() const {
    const auto& pickle = contents_.pickle;
    const auto* dict = pickle.get_if<PickleDict>(pickle.root);
    return dict != nullptr && std::any_of(dict->items.begin(), dict->items.end(), [&](const auto& item) {
             const auto* key = pickle.get_if<PickleText>(item.first);
             return key != nullptr && key->text == "pytorch-lightning_version";
           });
  }

  void note_opaque(const PickleOpaque& object, std::string_view key) {
    constexpr std::size_t kMost = 8;
    if (found_.opaque.size() == kMost) return;
    const std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
    found_.opaque.push_back(fmt::format("{} ({})", in_quotes(path), object.shown()));
  }

  void visit(PickleRef ref, int depth, bool is_numbered) {
    constexpr int kDeepest = 64;
    if (depth > kDeepest) fail<CheckpointError>("{}: nested deeper than {}", where_, kDeepest);
    const auto& pickle = contents_.pickle;
    bool holds_tensor = false;
    const auto item = [&](std::string_view key, PickleRef value, bool number) {
      charge(1);
      if (const auto* opaque = pickle.get_if<PickleOpaque>(value)) note_opaque(*opaque, key);
      const auto* tensor = pickle.get_if<std::unique_ptr<const PickleTensor>>(value);
      const bool is_container =
          pickle.get_if<PickleDict>(value) != nullptr || pickle.get_if<PickleSequence>(value) != nullptr;
      if (tensor == nullptr && !is_container) return;
      charge(key.size());
      const auto length = path_.size();
      path_.append(length == 0 ? "" : ".").append(key);
      if (tensor != nullptr) {
        add(**tensor);
        holds_tensor = true;
      } else {
        visit(value, depth + 1, number);
      }
      path_.resize(length);
    };
    if (const auto* dict = pickle.get_if<PickleDict>(ref)) {
      std::size_t place = 0;
      for (const auto& [key, value] : dict->items) visit_key(key, value, place++, item);
      // The state of an optimizer is numbered dicts of tensors: no state dicts.
      if (holds_tensor && !is_numbered) {
        charge(path_.size());
        found_.state_dicts.push_back(path_);
      }
    } else if (const auto* sequence = pickle.get_if<PickleSequence>(ref)) {
      for (std::size_t i = 0; i < sequence->items.size(); ++i)
        item(std::to_string(i), sequence->items[i], true);
    }
  }

  void visit_key(PickleRef key, PickleRef value, std::size_t place, const auto& item) {
    const auto& pickle = contents_.pickle;
    if (const auto* text = pickle.get_if<PickleText>(key)) {
      item(text->text, value, false);
    } else if (const auto* number = pickle.get_if<std::int64_t>(key)) {
      item(std::to_string(*number), value, true);
    } else if (const auto* opaque = pickle.get_if<PickleOpaque>(key)) {
      item(opaque->name, value, true);  // a class: Lightning's callbacks before 1.5
    } else {
      item(fmt::format("?{}", place), value, true);
    }
  }

  void add(const PickleTensor& tensor) {
    charge(16 + path_.size() + tensor.shape.size());
    memory_.charge<CheckpointError>(kMemoryPerTensor + 4 * path_.size(), "its tensors");
    if (!names_.insert(path_).second) fail<CheckpointError>("{}: {} stands twice", where_, in_quotes(path_));
    found_.tensors.push_back(locate(tensor));
    // Views share a storage for good reasons, but what writes them out writes each.
    constexpr std::uint64_t kFloor = std::uint64_t{64} << 20, kMostTimes = 64;
    viewed_bytes_ += found_.tensors.back().bytes;
    if (viewed_bytes_ > kFloor + kMostTimes * file_size_)
      fail<CheckpointError>("{}: its tensors share their storages more than {} times", where_, kMostTimes);
  }

  [[noreturn]] void wrong(std::string_view what) const {
    fail<CheckpointError>("{}: {}: {}", where_, in_quotes(path_), what);
  }

  StoredTensor locate(const PickleTensor& tensor) const {
    const auto extent = storage_of(tensor);
    const auto item = item_size(tensor.dtype);
    const auto bytes = contiguous_bytes(tensor.dtype, tensor.shape);
    if (!bytes || *bytes > file_size_) {
      wrong(fmt::format("{} {} is larger than the file", dtype_name(tensor.dtype), shown(tensor.shape)));
    }
    const auto end = *bytes == 0 ? tensor.offset : reach(tensor).value_or(~std::uint64_t{0});
    if (end > extent.size / item) {
      wrong(fmt::format("shape {} with strides {} at element {} leaves its storage of {} elements",
                        shown(tensor.shape), shown(tensor.strides), tensor.offset, extent.size / item));
    }
    const bool contiguous = *bytes == 0 || tensor.strides == contiguous_strides(tensor.shape);
    return {path_,
            tensor.dtype,
            tensor.shape,
            contiguous ? std::vector<std::int64_t>{} : tensor.strides,
            extent.offset + tensor.offset * item,
            *bytes};
  }

  StorageUse storage_of(const PickleTensor& tensor) const {
    const auto& storage = *contents_.pickle.get_if<PickleStorage>(tensor.storage);
    const auto found = contents_.storages.find(storage.key);
    if (found == contents_.storages.end())
      wrong(fmt::format("its storage {} is missing", in_quotes(storage.key)));
    if (checked_multiply(storage.elements, item_size(storage.dtype)) != found->second.size) {
      wrong(fmt::format("its storage {} has {} bytes, expected {} elements of {}", in_quotes(storage.key),
                        found->second.size, storage.elements, dtype_name(storage.dtype)));
    }
    return found->second;
  }

  const Contents& contents_;
  FileBudget& memory_;
  std::uint64_t file_size_;
  std::string_view where_;
  std::uint64_t budget_;
  std::uint64_t viewed_bytes_ = 0;
  std::string path_;
  std::unordered_set<std::string> names_;
  PickleCheckpoint found_;
};

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

/// Whether a path is one of these names or lies below it.
bool lies_in(std::string_view path, std::string_view name) {
  return begins_with(path, name) && (path.size() == name.size() || path[name.size()] == '.');
}

/// The tensors whose names begin with `prefix`, without it.
std::vector<StoredTensor> below(const std::vector<StoredTensor>& tensors, std::string_view prefix) {
  std::vector<StoredTensor> chosen;
  for (const auto& tensor : tensors) {
    if (!begins_with(tensor.name, prefix)) continue;
    chosen.push_back(tensor);
    chosen.back().name.erase(0, prefix.size());
  }
  return chosen;
}

/// The paths that lie below no other one, in their order.
std::vector<std::string> outermost(const std::vector<std::string>& paths) {
  const std::unordered_set<std::string_view> all(paths.begin(), paths.end());
  const auto lies_below = [&](std::string_view path) {
    if (!path.empty() && all.contains("")) return true;
    for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
      if (all.contains(path.substr(0, dot))) return true;
    }
    return false;
  };
  std::vector<std::string> kept;
  std::copy_if(paths.begin(), paths.end(), std::back_inserter(kept),
               [&](const std::string& path) { return !lies_below(path); });
  return kept;
}

/// Where trainers, Lightning's among them, put the state of the training, which is no model.
constexpr std::string_view kTrainingState[] = {"callbacks",
                                               "optimizer_states",
                                               "optimizer",
                                               "optimizers",
                                               "lr_schedulers",
                                               "lr_scheduler",
                                               "scheduler",
                                               "loops",
                                               "hyper_parameters",
                                               "scaler",
                                               "native_amp_scaling_state"};

/// The paths that may mean a model: all but those of the training's state, if any are left.
std::vector<std::string> models_among(const std::vector<std::string>& paths) {
  std::vector<std::string> models;
  std::copy_if(paths.begin(), paths.end(), std::back_inserter(models), [](const std::string& path) {
    return std::none_of(std::begin(kTrainingState), std::end(kTrainingState),
                        [&](std::string_view name) { return lies_in(path, name); });
  });
  return models.empty() ? paths : models;
}

}  // namespace

std::string default_state_dict(const PickleCheckpoint& checkpoint, std::string_view where) {
  if (checkpoint.state_dicts.empty()) {
    fail<CheckpointError>("{}: holds no dict of tensors, expected a state dict{}", where,
                          checkpoint.opaque.empty() ? ""
                                                    : fmt::format(" (objects that are never made: {})",
                                                                  fmt::join(checkpoint.opaque, ", ")));
  }
  const auto& all = checkpoint.state_dicts;
  const auto inside = [](std::string_view name) {
    return [name](const std::string& path) { return lies_in(path, name); };
  };
  if (checkpoint.is_lightning && std::any_of(all.begin(), all.end(), inside("state_dict")))
    return "state_dict";
  const auto dicts = outermost(models_among(all));
  if (dicts.size() == 1) return dicts.front();
  // One model whose parts have dicts of their own.
  for (const auto* usual : {"state_dict", "model", "model_state_dict", "module", "params"}) {
    if (std::all_of(dicts.begin(), dicts.end(), inside(usual))) return usual;
  }
  for (const auto* trained : {"model_ema", "ema", "trainer.ema_parameters", "trainer.var_wo_ddp"}) {
    if (std::find(dicts.begin(), dicts.end(), trained) != dicts.end()) return trained;
  }
  fail<CheckpointError>("{}: holds several state dicts, expected one to be chosen with --state-dict: {}",
                        where, first_few(dicts, in_quotes));
}

bool is_pickle_checkpoint(std::string_view bytes) {
  return begins_with(bytes, kZipStart) || is_legacy(bytes);
}

PickleCheckpoint parse_pickle_checkpoint(std::string_view bytes, std::string_view where) {
  const bool legacy = is_legacy(bytes);
  FileBudget budget(where, bytes.size());
  const auto contents = legacy ? read_legacy(bytes, budget, where) : read_zip(bytes, budget, where);
  auto checkpoint = TensorWalk(contents, budget, where).run();
  checkpoint.is_legacy = legacy;
  return checkpoint;
}

std::vector<StoredTensor> select_state_dict(const PickleCheckpoint& checkpoint, std::string_view path,
                                            std::string_view where) {
  const auto dict = path.empty() ? default_state_dict(checkpoint, where) : std::string(path);
  auto chosen = below(checkpoint.tensors, dict.empty() ? "" : dict + ".");
  if (chosen.empty()) {
    fail<CheckpointError>("{}: no state dict {}, expected one of: {} (--state-dict)", where, in_quotes(path),
                          first_few(checkpoint.state_dicts, in_quotes));
  }
  strip_wrappers(chosen);
  return chosen;
}

}  // namespace arzoo::io
