/// replay [PATH...] [--mutations N] [--megabytes M] [--write DIR]: runs the fuzz target it is linked with on
/// files (or all files of folders), on the inputs that the target makes itself, and on mutations of each, the
/// same ones every time: N, or as many as make M megabytes. It makes a fuzz target an ordinary test, with any
/// compiler. --write writes the target's own inputs into a folder, for libFuzzer, and runs nothing.

#include <algorithm>
#include <csignal>
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

/// What runs, for the message when it is the last.
struct Running {
  std::string name, bytes;
  std::size_t mutation = 0;
} running;

/// A finding ends the process: its input is kept.
void keep_finding(int signal) {
  const char* const file = "finding";
  std::fprintf(stderr, "%s, mutation %zu: signal %d, %zu bytes written to %s\n", running.name.c_str(),
               running.mutation, signal, running.bytes.size(), fs::absolute(file).c_str());
  std::ofstream(file, std::ios::binary) << running.bytes;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run() {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(running.bytes.data()), running.bytes.size());
}

struct Options {
  std::vector<fs::path> files;
  std::size_t mutations = 0, megabytes = 1000;
  fs::path write;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--mutations" && has_value) {
      options.mutations = std::stoul(argv[++i]);
    } else if (word == "--megabytes" && has_value) {
      options.megabytes = std::stoul(argv[++i]);
    } else if (word == "--write" && has_value) {
      options.write = argv[++i];
    } else {
      const auto more = files_of(word);
      options.files.insert(options.files.end(), more.begin(), more.end());
    }
  }
  return options;
}

void write_seeds(const std::vector<std::string>& seeds, const fs::path& folder) {
  fs::create_directories(folder);
  for (std::size_t i = 0; i < seeds.size(); ++i)
    std::ofstream(folder / ("seed" + std::to_string(i)), std::ios::binary) << seeds[i];
}

void replay(const std::string& name, const std::string& original, const Options& options, Random& random) {
  running = {name, original};
  run();
  const auto most = options.megabytes * 1'000'000 / std::max<std::size_t>(original.size(), 1);
  for (std::size_t i = 0; i < std::min(options.mutations, most); ++i) {
    running = {name, original, i + 1};
    for (auto rounds = random() % 3 + 1; rounds-- > 0;) mutate(running.bytes, random);
    run();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = read_options(argc, argv);
  const auto seeds = arzoo::fuzz::made_seeds ? arzoo::fuzz::made_seeds() : std::vector<std::string>();
  if (!options.write.empty()) {
    write_seeds(seeds, options.write);
    return 0;
  }
  if (options.files.empty() && seeds.empty()) {
    std::fputs("usage: replay [PATH...] [--mutations N] [--megabytes M] [--write DIR]\n", stderr);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS}) std::signal(signal, keep_finding);
  Random random(1);
  for (const auto& file : options.files) replay(file.string(), read(file), options, random);
  for (std::size_t i = 0; i < seeds.size(); ++i)
    replay("seed " + std::to_string(i), seeds[i], options, random);
  std::printf("%zu files and %zu seeds, up to %zu mutations of each\n", options.files.size(), seeds.size(),
              options.mutations);
}
