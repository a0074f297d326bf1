#include "io/step_plugin.h"

#include <dlfcn.h>

#include "core/ascii.h"
#include "core/error.h"

namespace arzoo::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCadLibrary = "libarzoo_cad.so";

/// Beside the program, where an installation has libraries, or where a build folder has them.
fs::path find_cad_library() {
  std::error_code unreadable;
  const auto folder = fs::read_symlink("/proc/self/exe", unreadable).parent_path();
  for (const auto& place : {folder, folder.parent_path() / "lib" / "arzoo", folder.parent_path()}) {
    if (fs::exists(place / kCadLibrary, unreadable)) return place / kCadLibrary;
  }
  return {};
}

struct OpenedCad {
  const CadPlugin* plugin = nullptr;
  std::string error;
};

OpenedCad open_cad() {
  const auto path = find_cad_library();
  if (path.empty())
    return {nullptr,
            fmt::format("needs the plug-in {} with OpenCASCADE, which this arzoo lacks (build it with "
                        "scripts/setup.sh --cad)",
                        kCadLibrary)};
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return {nullptr, fmt::format("the plug-in {} cannot be opened: {}", path.string(), ::dlerror())};
  void* const symbol = ::dlsym(library, kCadPluginSymbol);
  if (symbol == nullptr)
    return {nullptr,
            fmt::format("the plug-in {} is of another version (build it again with scripts/setup.sh --cad)",
                        path.string())};
  return {reinterpret_cast<CadPluginFunction>(symbol)(), {}};
}

}  // namespace

bool is_step_name(const fs::path& path) {
  const auto ending = to_lower(path.extension().string());
  return ending == ".step" || ending == ".stp";
}

const std::vector<std::string>& part_kinds() {
  static const std::vector<std::string> kinds{"plate",  "bracket", "flange", "channel",
                                              "pocket", "shaft",   "tee",    "nut"};
  return kinds;
}

const CadPlugin& cad_plugin(const std::string& what) {
  // Never closed: OpenCASCADE keeps tables as long as the process lives.
  static const OpenedCad opened = open_cad();
  if (opened.plugin == nullptr) fail<DataError>("{}: {}", what, opened.error);
  return *opened.plugin;
}

}  // namespace arzoo::io
