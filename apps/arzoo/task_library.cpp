#include "task_library.h"

#include <dlfcn.h>
#include <fmt/ranges.h>

#include "core/cuda_driver.h"

namespace arzoo::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libarzoo.so";

std::vector<fs::path> places() {
  std::error_code unreadable;
  const auto program = fs::read_symlink("/proc/self/exe", unreadable);
  if (unreadable) fail<SystemFailure>("{}: /proc/self/exe: {}", kLibrary, unreadable.message());
  const auto folder = program.parent_path();
  return {folder / kLibrary, folder.parent_path() / "lib" / "arzoo" / kLibrary,
          folder.parent_path() / "lib" / kLibrary};
}

fs::path find_library() {
  std::vector<std::string> looked;
  for (const auto& place : places()) {
    std::error_code unreadable;
    if (fs::exists(place, unreadable)) return place;
    looked.push_back(place.string());
  }
  fail<SystemFailure>(
      "{} is missing, looked for {} (build the target arzoo_lib, or install arzoo as a whole)", kLibrary,
      fmt::join(looked, ", "));
}

/// A CPU run gets stand-ins for the CUDA libraries that libtorch_cpu names (cmake/NoCuda.cmake): opened
/// first, under their names.
void keep_cuda_out(const fs::path& folder) {
  for (const char* name : {"libarzoo_no_cudart.so", "libarzoo_no_cupti.so"}) {
    std::error_code unreadable;
    if (fs::exists(folder / name, unreadable)) ::dlopen((folder / name).c_str(), RTLD_NOW | RTLD_GLOBAL);
  }
}

const plan::TaskTable& open_library(bool with_cuda) {
  if (with_cuda && is_cpu_package()) {
    fail<SystemFailure>(
        "--device cuda: this package has LibTorch's CPU libraries only (build arzoo from source with "
        "scripts/setup.sh --cuda)");
  }
  const auto path = find_library();
  if (!with_cuda) keep_cuda_out(path.parent_path());
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail<SystemFailure>("{}: cannot be opened: {}", path.string(), ::dlerror());
  void* const symbol = ::dlsym(library, plan::kTaskTableSymbol);
  if (symbol == nullptr) {
    fail<SystemFailure>("{}: has no {} (is it another version's?)", path.string(), plan::kTaskTableSymbol);
  }
  return *reinterpret_cast<plan::TaskTableFunction>(symbol)();
}

}  // namespace

const plan::TaskTable& task_table(bool with_cuda) {
  // Never closed: LibTorch's threads and registries live as long as the process.
  static const plan::TaskTable& table = open_library(with_cuda);
  return table;
}

}  // namespace arzoo::cli
