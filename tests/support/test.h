#pragma once

// Torch goes before Catch2: the other way round torch redefines CHECK and a failed check would abort the
// process.
#if defined(ARZOO_TEST_TORCH)
#include <torch/torch.h>
#undef CHECK
#endif
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

namespace arzoo::test {

namespace fs = std::filesystem;

/// A folder of its own for one test, removed at the end.
class TempDir {
 public:
  TempDir() : path_(fs::temp_directory_path() / ("arzoo_test_" + std::to_string(std::random_device{}()))) {
    fs::create_directories(path_);
  }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

  /// Writes `text` to `name` below the folder and returns its path.
  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  fs::path path_;
};

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// How often `part` occurs in `text`.
inline std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// The repository's root, for configs, bundled data and committed fixtures.
inline fs::path source_dir() { return ARZOO_SOURCE_DIR; }

}  // namespace arzoo::test
