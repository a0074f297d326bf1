#include "core/cuda_driver.h"

#include <filesystem>

namespace arzoo {

bool has_cuda_driver() {
  std::error_code unreadable;
  return std::filesystem::exists("/dev/nvidiactl", unreadable) ||
         std::filesystem::exists("/dev/dxg", unreadable);
}

bool wants_cuda(std::string_view device) {
  return device.starts_with("cuda") || (device == "auto" && has_cuda_driver());
}

}  // namespace arzoo
