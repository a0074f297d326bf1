#pragma once

#include <map>

#include "cli/program.h"
#include "support/series.h"

namespace arzoo::test {

/// Every file below a folder with its content, but for the lock of a run, which names the last process there.
inline std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().filename() != "lock")
      files[entry.path().string()] = read_file(entry.path());
  }
  return files;
}

/// Runs the program and expects it to refuse: `code`, nothing on stdout, on stderr the one line "arzoo:
/// message", and all files as they were. A message that ends in "…" may go on.
inline void check_refused(const Program& arzoo, const std::vector<std::string>& arguments, int code,
                          const std::string& message) {
  CAPTURE(arguments);
  const auto before = snapshot(arzoo.files());
  const auto ended = arzoo(arguments);
  CHECK(ended.code == code);
  CHECK(ended.out.empty());
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
  const std::string more = "…";
  if (message.size() > more.size() && message.substr(message.size() - more.size()) == more) {
    CHECK_THAT(ended.err, ContainsSubstring("arzoo: " + message.substr(0, message.size() - more.size())));
  } else {
    CHECK(ended.err == "arzoo: " + message + "\n");
  }
  const bool unchanged = snapshot(arzoo.files()) == before;
  CHECK(unchanged);
}

/// A config whose model trains in milliseconds on series.csv.
inline constexpr const char* kTinyConfig = R"({
  "model": {"name": "itransformer", "d_model": 16, "n_heads": 2, "e_layers": 1, "d_ff": 16},
  "data": {"path": "series.csv", "seq_len": 12, "label_len": 6, "pred_len": 4},
  "training": {"epochs": 1, "batch_size": 16, "log_every": 2},
  "seed": 1
})";

/// The built program beside series.csv, config.json and the model "run" that was trained with them.
struct TrainedProgram : Program {
  static constexpr int64_t kRows = 80;

  TrainedProgram() : Program(Library::built) {
    write_data(*this);
    fs::copy(trained_run(), files() / "run", fs::copy_options::recursive);
  }

 private:
  static void write_data(const Program& program) {
    program.write("series.csv", wide_csv(hourly_table(kRows, {"a", "b"})));
    program.write("config.json", kTinyConfig);
  }

  /// Trained once for all cases, each of which has a copy.
  static fs::path trained_run() {
    static const Program first(Library::built);
    static const auto ended = [] {
      write_data(first);
      return first({"train", "config.json", "--out", "run", "--threads", "1", "--quiet"});
    }();
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    return first.files() / "run";
  }
};

}  // namespace arzoo::test
