/// replay PATH... [--mutations N]: runs the fuzz target it is linked with on files (or all files of folders)
/// and on N mutations of each, the same ones every time. It makes a fuzz target an ordinary test, with any
/// compiler.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/fuzz_target.h"

namespace {

namespace fs = std::filesystem;
using Random = std::mt19937_64;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void mutate(std::string& bytes, Random& random) {
  const auto below = [&](std::size_t limit) {
    return static_cast<std::size_t>(random() % std::max<std::size_t>(limit, 1));
  };
  if (bytes.empty()) bytes.push_back('\0');
  const auto at = below(bytes.size());
  const auto length = std::min(below(16) + 1, bytes.size() - at);
  constexpr char kTelling[] = {'\0', '\x01', '\x7f', '\x80', '\xff', '(', 't',
                               'R',  'Q',    'b',    '.',    '"',    '{', '9'};
  switch (random() % 6) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
      break;
    case 1:
      bytes[at] = kTelling[below(std::size(kTelling))];
      break;
    case 2:
      bytes.insert(at, 1, kTelling[below(std::size(kTelling))]);
      break;
    case 3:
      bytes.erase(at, length);
      break;
    case 4:
      bytes.insert(below(bytes.size()), bytes.substr(at, length));
      break;
    default:
      if (below(4) == 0) bytes.resize(at);
  }
}

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  std::size_t mutations = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--mutations" && i + 1 < argc) {
      mutations = std::stoul(argv[++i]);
    } else {
      const auto more = files_of(argv[i]);
      files.insert(files.end(), more.begin(), more.end());
    }
  }
  if (files.empty()) {
    std::fputs("usage: replay PATH... [--mutations N]\n", stderr);
    return 2;
  }
  Random random(1);
  for (const auto& file : files) {
    const auto original = read(file);
    run(original);
    for (std::size_t i = 0; i < mutations; ++i) {
      auto mutated = original;
      for (auto rounds = random() % 3 + 1; rounds-- > 0;) mutate(mutated, random);
      run(mutated);
    }
  }
  std::printf("%zu files, %zu mutations of each\n", files.size(), mutations);
}
