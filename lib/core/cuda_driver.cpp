#include "core/cuda_driver.h"

#include <filesystem>

namespace arzoo {

namespace fs = std::filesystem;

bool has_cuda_driver() {
  std::error_code unreadable;
  return fs::exists("/dev/nvidiactl", unreadable) || fs::exists("/dev/dxg", unreadable);
}

bool is_cpu_package() {
  std::error_code unreadable;
  const auto folder =
      fs::read_symlink("/proc/self/exe", unreadable).parent_path().parent_path() / "lib/arzoo";
  return fs::exists(folder / "libtorch_cpu.so", unreadable) &&
         !fs::exists(folder / "libtorch_cuda.so", unreadable);
}

bool wants_cuda(std::string_view device) {
  return device.starts_with("cuda") || (device == "auto" && has_cuda_driver() && !is_cpu_package());
}

}  // namespace arzoo
