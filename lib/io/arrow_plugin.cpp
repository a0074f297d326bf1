#include "io/arrow_plugin.h"

#include <dlfcn.h>

#include <array>

#include "core/ascii.h"
#include "core/error.h"

namespace arzoo::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* kArrowLibrary = "libarzoo_arrow.so";

/// Beside the program, where an installation has libraries, or where a build folder has them.
fs::path find_arrow_library() {
  std::error_code unreadable;
  const auto folder = fs::read_symlink("/proc/self/exe", unreadable).parent_path();
  for (const auto& place : {folder, folder.parent_path() / "lib" / "arzoo", folder.parent_path()}) {
    if (fs::exists(place / kArrowLibrary, unreadable)) return place / kArrowLibrary;
  }
  return {};
}

struct OpenedArrow {
  const ArrowPlugin* plugin = nullptr;
  std::string error;
};

OpenedArrow open_arrow() {
  const auto path = find_arrow_library();
  if (path.empty())
    return {nullptr,
            fmt::format("needs the plug-in {}, which this arzoo lacks (build it with scripts/setup.sh "
                        "--arrow, or save the table as CSV)",
                        kArrowLibrary)};
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return {nullptr, fmt::format("the plug-in {} cannot be opened: {}", path.string(), ::dlerror())};
  void* const symbol = ::dlsym(library, kArrowPluginSymbol);
  if (symbol == nullptr)
    return {nullptr,
            fmt::format("the plug-in {} is of another version (build it again with scripts/setup.sh --arrow)",
                        path.string())};
  return {reinterpret_cast<ArrowPluginFunction>(symbol)(), {}};
}

}  // namespace

bool is_arrow_file(const fs::path& path) {
  const auto ending = to_lower(path.extension().string());
  return ending == ".parquet" || ending == ".arrow" || ending == ".feather";
}

const ArrowPlugin& arrow_plugin(const fs::path& path) {
  // Never closed: Arrow's threads live as long as the process.
  static const OpenedArrow opened = open_arrow();
  if (opened.plugin == nullptr) fail<DataError>("{}: {}", path.string(), opened.error);
  return *opened.plugin;
}

}  // namespace arzoo::io
