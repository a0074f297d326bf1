#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/error.h"

namespace arzoo {

/// A temporary folder, removed with everything in it.
class ScratchFolder {
 public:
  /// Throws SystemFailure when there is no place for it.
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "arzoo-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) fail<SystemFailure>("{}: cannot make a temporary folder", name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace arzoo
