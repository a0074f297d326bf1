#include "runtime/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "core/atomic_file.h"
#include "core/bytes.h"
#include "core/error.h"
#include "core/json.h"
#include "core/utf8.h"
#include "io/safetensors_header.h"
#include "runtime/mapped_tensor.h"
#include "runtime/tensor_digests.h"

namespace arzoo::runtime {

namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

std::string json_string(std::string_view text, const std::string& where) {
  if (!is_utf8(text))
    fail<CheckpointError>("{}: {} is not UTF-8, which safetensors demands", where, in_quotes(text));
  return dump_json(Json(text));
}

/// Indices of the tensors as their bytes follow each other.
std::vector<std::size_t> by_falling_item_size(const std::vector<NamedTensors::Entry>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tensors[a].second.element_size() > tensors[b].second.element_size();
  });
  return order;
}

std::string metadata_text(const std::vector<std::pair<std::string, std::string>>& metadata,
                          const std::string& where) {
  std::string text;
  std::unordered_set<std::string> keys;
  for (const auto& [key, value] : metadata) {
    if (!keys.insert(key).second)
      fail<CheckpointError>("{}: metadata {} stands twice", where, in_quotes(key));
    text +=
        fmt::format("{}{}:{}", text.empty() ? "" : ",", json_string(key, where), json_string(value, where));
  }
  return text;
}

/// The header with its length before it, padded with spaces so that the tensors begin at a multiple of 8.
std::string header_of(const std::vector<NamedTensors::Entry>& tensors, const std::vector<std::size_t>& order,
                      const std::vector<std::pair<std::string, std::string>>& metadata,
                      const std::string& where) {
  std::vector<std::uint64_t> begins(tensors.size());
  std::uint64_t position = 0;
  for (const auto i : order) {
    begins[i] = position;
    position += tensors[i].second.nbytes();
  }
  std::string json = "{";
  if (!metadata.empty()) json += fmt::format("\"{}\":{{{}}}", kMetadataKey, metadata_text(metadata, where));
  std::unordered_set<std::string_view> names{kMetadataKey};
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    if (!names.insert(name).second) {
      fail<CheckpointError>("{}: {} stands twice or is a reserved name", where, in_quotes(name));
    }
    json += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}",
                        json.size() == 1 ? "" : ",", json_string(name, where),
                        io::dtype_name(stored_dtype(tensor.scalar_type())), io::shown(tensor.sizes()),
                        begins[i], begins[i] + tensor.nbytes());
  }
  json += "}";
  json.append((8 - json.size() % 8) % 8, ' ');
  if (json.size() > io::kMaxSafetensorsHeader) {
    fail<CheckpointError>("{}: header of {} bytes, expected at most {}", where, json.size(),
                          io::kMaxSafetensorsHeader);
  }
  std::string header;
  append_little(header, static_cast<std::uint64_t>(json.size()));
  return header + json;
}

/// As it is written. A weight that several processes keep parts of has no memory until an operator reads it.
at::Tensor dense(const at::Tensor& tensor) {
  const bool is_here = tensor.numel() == 0 || tensor.storage().nbytes() > 0;
  const auto values = is_here ? tensor.detach() : tensor.clone();
  return values.cpu().resolve_conj().resolve_neg().contiguous();
}

std::string_view bytes_of(const at::Tensor& dense) {
  return {static_cast<const char*>(dense.const_data_ptr()), dense.nbytes()};
}

std::pair<std::string, std::string> digests_of(const std::vector<NamedTensors::Entry>& tensors) {
  std::vector<std::pair<std::string, std::uint32_t>> digests;
  for (const auto& [name, tensor] : tensors) digests.emplace_back(name, crc32_of(bytes_of(dense(tensor))));
  return TensorDigests::entry(digests);
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensors::Entry>& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata) {
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined() || tensor.layout() != at::kStrided) {
      fail<CheckpointError>("{}: {} is undefined or sparse, expected a dense tensor", path.string(),
                            in_quotes(name));
    }
  }
  const auto order = by_falling_item_size(tensors);
  auto described = metadata;
  described.push_back(digests_of(tensors));
  const auto header = header_of(tensors, order, described, path.string());
  AtomicFile file(path);
  file.append(header);
  for (const auto i : order) file.append(bytes_of(dense(tensors[i].second)));
  file.commit();
}

}  // namespace arzoo::runtime
