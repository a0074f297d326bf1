#include "runtime/tensor_digests.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "core/bytes.h"
#include "core/error.h"
#include "core/json_reader.h"
#include "io/safetensors_header.h"

namespace arzoo::runtime {

namespace {

std::string shown_digest(std::uint32_t digest) { return fmt::format("{:08x}", digest); }

}  // namespace

std::uint32_t crc32_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

TensorDigests::TensorDigests(const io::TensorFile& file) {
  const auto found = std::find_if(file.metadata.begin(), file.metadata.end(),
                                  [](const auto& entry) { return entry.first == io::kDigestsKey; });
  if (found == file.metadata.end()) return;
  const auto path = file.mapping->path().string();
  const auto digests = try_read_json(found->second);
  const auto is_digest = [](const Json& value) { return value.is_string(); };
  if (!digests || !digests->is_object() || !std::all_of(digests->begin(), digests->end(), is_digest))
    fail<CheckpointError>("{}: metadata: {} is no list of digests (is the file damaged?)", path,
                          io::kDigestsKey);
  for (const auto& [name, digest] : digests->items()) known_.emplace(name, digest.get<std::string>());
  for (const auto& tensor : file.tensors) {
    if (known_.count(tensor.name) == 0) {
      fail<CheckpointError>("{}: metadata: {} tells nothing of {} (is the file damaged?)", path,
                            io::kDigestsKey, in_quotes(tensor.name));
    }
  }
  if (known_.size() != file.tensors.size()) {
    fail<CheckpointError>("{}: metadata: {} tells of {} tensors, the file holds {} (is the file damaged?)",
                          path, io::kDigestsKey, known_.size(), file.tensors.size());
  }
}

void TensorDigests::check(const io::TensorFile& file, const io::StoredTensor& tensor) const {
  if (known_.empty()) return;
  const auto digest = shown_digest(crc32_of(file.mapping->bytes().substr(tensor.offset, tensor.bytes)));
  if (const auto& written = known_.at(tensor.name); digest != written) {
    fail<CheckpointError>(
        "{}: {}: its bytes have the CRC-32 {}, written was {} (the file is damaged; take an earlier "
        "checkpoint)",
        file.mapping->path().string(), in_quotes(tensor.name), digest, in_quotes(written));
  }
}

std::pair<std::string, std::string> TensorDigests::entry(
    const std::vector<std::pair<std::string, std::uint32_t>>& digests) {
  auto json = Json::object();
  auto by_name = digests;
  std::sort(by_name.begin(), by_name.end());
  for (const auto& [name, digest] : by_name) json[name] = shown_digest(digest);
  // A name that is no UTF-8 is the header's to refuse.
  return {std::string(io::kDigestsKey), dump_json(json)};
}

}  // namespace arzoo::runtime
