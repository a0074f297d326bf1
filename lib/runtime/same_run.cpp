#include "runtime/same_run.h"

#include <dlfcn.h>
#include <torch/version.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/display_text.h"
#include "core/error.h"
#include "core/json_reader.h"
#include "runtime/tensor_digests.h"

namespace arzoo::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownColumns = 60;
/// Of a longer file the beginning, the middle and the end are read: a start must not read terabytes.
constexpr std::uintmax_t kReadBytes = std::uintmax_t{16} << 20;

std::string bytes_at(std::ifstream& in, std::uintmax_t place, std::uintmax_t count) {
  std::string bytes(count, '\0');
  in.seekg(static_cast<std::streamoff>(place));
  in.read(bytes.data(), static_cast<std::streamsize>(count));
  return bytes;
}

/// "1234 bytes, crc32 89abcdef"
std::string file_digest(const fs::path& path) {
  std::error_code unreadable;
  const auto size = fs::file_size(path, unreadable);
  std::ifstream in(path, std::ios::binary);
  if (unreadable || !in) return "unreadable";
  std::uint32_t crc = 0;
  if (size <= 3 * kReadBytes) {
    crc = crc32_of(bytes_at(in, 0, size));
  } else {
    crc = crc32_of(bytes_at(in, 0, kReadBytes) + bytes_at(in, (size - kReadBytes) / 2, kReadBytes) +
                   bytes_at(in, size - kReadBytes, kReadBytes));
  }
  return fmt::format("{} bytes, crc32 {:08x}", size, crc);
}

/// "12 files, 3456 bytes", with a checksum of their names.
std::string folder_digest(const fs::path& path) {
  std::vector<std::string> names;
  std::uintmax_t bytes = 0;
  std::error_code unreadable;
  for (const auto& entry : fs::recursive_directory_iterator(path, unreadable)) {
    std::error_code vanished;
    if (!entry.is_regular_file(vanished)) continue;
    names.push_back(fs::relative(entry.path(), path, vanished).string());
    bytes += entry.file_size(vanished);
  }
  std::sort(names.begin(), names.end());
  std::string all;
  for (const auto& name : names) all += name + '\n';
  return fmt::format("{} files, {} bytes, crc32 of their names {:08x}", names.size(), bytes, crc32_of(all));
}

/// The files and folders that texts in the section name, by the place of the text.
void add_files(const Json& section, const std::string& place, Json& files) {
  if (section.is_structured()) {
    for (const auto& [key, value] : section.items()) add_files(value, place + "/" + key, files);
    return;
  }
  if (!section.is_string() || section.get_ref<const std::string&>().empty()) return;
  const fs::path path = section.get<std::string>();
  std::error_code unreadable;
  if (fs::is_regular_file(path, unreadable)) files[place] = file_digest(path);
  if (fs::is_directory(path, unreadable)) files[place] = folder_digest(path);
}

/// The program's own code.
std::string library_digest() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&require_same_run), &info) == 0) return "unknown";
  return file_digest(info.dli_fname);
}

std::string shown(const Json& value, const Json::json_pointer& place) {
  return value.contains(place) ? shortened(dump_json(value.at(place)), kShownColumns) : "missing";
}

/// Where the two differ first; empty where they do not.
std::string first_difference(const Json& first, const Json& other) {
  const auto changes = Json::diff(first, other);
  return changes.empty() ? "" : changes.front().at("path").get<std::string>();
}

}  // namespace

Json run_identity(const Json& config) {
  Json identity{{"build", {{"libtorch", TORCH_VERSION}, {"libarzoo", library_digest()}}}, {"config", config}};
  // Where the run goes is the first process's alone.
  identity["config"].erase("output");
  identity["files"] = Json::object();
  for (const auto& [name, section] : config.items()) {
    if (name != "output") add_files(section, "/" + name, identity["files"]);
  }
  return identity;
}

void require_same_run(ProcessGroup& group, const Json& identity) {
  const auto all = group.exchange("identity", dump_json(identity));
  const auto read = [](const std::string& text) { return read_json<SystemFailure>(text, "identity"); };
  const auto first = read(all.front());
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all.front()) continue;
    const auto other = read(all[rank]);
    const auto place = first_difference(first, other);
    if (place.empty()) continue;
    const Json::json_pointer pointer(place);
    fail<UsageError>("rank {} does not do the same run as rank 0: {} is {}, expected {}", rank, place,
                     shown(other, pointer), shown(first, pointer));
  }
}

}  // namespace arzoo::runtime
