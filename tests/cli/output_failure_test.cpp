#include "cli/refusal.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

const std::vector<std::string> kForecastInto{"forecast", "--model",    "run",
                                             "--input",  "series.csv", "--output"};

std::vector<std::string> forecast_into(const std::string& output) {
  auto words = kForecastInto;
  words.push_back(output);
  return words;
}

std::string quoted(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& word : words) line += " '" + word + "'";
  return line;
}

/// Runs the program in a mount namespace of its own, after `mounts`. Nothing when this process may not mount.
std::optional<Ended> mounted(const Program& arzoo, const std::string& mounts,
                             const std::vector<std::string>& arguments) {
  constexpr int kCannotMount = 99;
  const auto script = "{ " + mounts + "; } 2>/dev/null || exit 99; exec " + ARZOO_BINARY + quoted(arguments);
  auto ended = arzoo.call("unshare", {"--mount", "sh", "-c", script});
  const bool denied = ended.code == kCannotMount || ended.err.find("unshare") != std::string::npos;
  if (denied) {
    WARN("mounting is not allowed here: not tested");
    return std::nullopt;
  }
  return ended;
}

/// The program with files limited to `blocks` of 512 bytes: a disk that is full at some point.
Ended limited(const Program& arzoo, int blocks, const std::vector<std::string>& arguments) {
  return arzoo.call(
      "sh", {"-c", "ulimit -f " + std::to_string(blocks) + "; exec " + ARZOO_BINARY + quoted(arguments)});
}

bool has_leftovers(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename().string().rfind(".arzoo-", 0) == 0) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("an output that cannot be made is named with the reason") {
  const TrainedProgram arzoo;
  check_refused(arzoo, forecast_into("series.csv/out.csv"), 2,
                "forecast: --output: series.csv/out.csv: there is no folder series.csv");
  check_refused(arzoo, forecast_into("/proc/out.csv"), 2,
                "/proc/out.csv: cannot be written: No such file or directory");
  check_refused(arzoo, forecast_into("/dev/full"), 2,
                "forecast: --output: /dev/full is not a regular file, expected the name of one");
  check_refused(arzoo, {"train", "config.json", "--out", "series.csv/new"}, 2,
                "series.csv/new: cannot be made: Not a directory");
  check_refused(arzoo, {"train", "config.json", "--out", "series.csv"}, 2,
                "series.csv: is not a folder, expected one for the run");
  check_refused(arzoo, {"train", "config.json", "--out", "/proc/new"}, 2,
                "/proc/new: cannot be made: No such file or directory");
  check_refused(arzoo, {"convert", "run/model", "/proc/out.safetensors"}, 2,
                "/proc/out.safetensors: cannot be written: No such file or directory");
}

TEST_CASE("a run or a folder of other things is never written over") {
  const TrainedProgram arzoo;
  arzoo.write("notes/notes.txt", "mine");
  check_refused(arzoo, {"train", "config.json", "--out", "run"}, 2,
                "run: holds a run already (--resume continues it, --out names another folder)");
  check_refused(arzoo, {"train", "config.json", "--out", "notes"}, 2,
                "notes: is not empty and holds no run (--out names another folder)");
  check_refused(arzoo, {"train", "config.json", "--out", "new", "--resume"}, 2,
                "new: there is no run to resume");
}

TEST_CASE("a folder that takes no file is named with the reason") {
  const TrainedProgram arzoo;
  arzoo.write("fixed/out.csv", "an older forecast\n");
  const std::string read_only = "mount --bind fixed fixed && mount -o remount,bind,ro fixed";
  const auto forecast = mounted(arzoo, read_only, forecast_into("fixed/out.csv"));
  if (!forecast) return;
  CHECK(forecast->code == 2);
  CHECK(forecast->err == "arzoo: forecast: --output: no file can be made in fixed: read-only file system\n");
  const auto trained = mounted(arzoo, read_only, {"train", "config.json", "--out", "fixed/new"});
  CHECK(trained->code == 2);
  CHECK(trained->err == "arzoo: fixed/new: cannot be made: Read-only file system\n");
  CHECK(read_file(arzoo.files() / "fixed/out.csv") == "an older forecast\n");
}

TEST_CASE("a full disk is told by name, and what stood there stays") {
  const TrainedProgram arzoo;
  fs::create_directories(arzoo.files() / "small");
  // The older forecast takes the one page that there is.
  const auto forecast =
      mounted(arzoo, "mount -t tmpfs -o size=4k none small && head -c 4096 /dev/zero > small/out.csv",
              forecast_into("small/out.csv"));
  if (!forecast) return;
  CHECK(forecast->code == 1);
  CHECK(forecast->err == "arzoo: small/out.csv: cannot be written: No space left on device\n");
}

TEST_CASE("a file that may not grow is told by name, and what stood there stays") {
  const TrainedProgram arzoo;
  arzoo.write("out.csv", "an older forecast\n");
  arzoo.write("out.safetensors", "older weights");
  auto horizon = forecast_into("out.csv");
  horizon.insert(horizon.end(), {"--horizon", "40"});
  const auto forecast = limited(arzoo, 1, horizon);
  CHECK(forecast.code == 1);
  CHECK(forecast.err == "arzoo: out.csv: cannot be written: File too large\n");
  const auto converted = limited(arzoo, 4, {"convert", "run/model", "out.safetensors"});
  CHECK(converted.code == 1);
  CHECK(converted.err == "arzoo: out.safetensors: cannot be written: File too large\n");
  CHECK(read_file(arzoo.files() / "out.csv") == "an older forecast\n");
  CHECK(read_file(arzoo.files() / "out.safetensors") == "older weights");
  CHECK_FALSE(has_leftovers(arzoo.files()));
}

TEST_CASE("a checkpoint that does not fit ends the run, and no half of it stays") {
  const TrainedProgram arzoo;
  const std::vector<std::string> train{
      "train", "config.json", "--out", "new", "--set", "training.epochs=2", "--threads", "1", "--quiet"};
  // Half of the weights, which the first epoch writes.
  const auto weights = static_cast<int>(fs::file_size(arzoo.files() / "run/model/model.safetensors"));
  const auto ended = limited(arzoo, weights / 2 / 512, train);
  CHECK(ended.code == 1);
  CHECK_THAT(ended.err,
             ContainsSubstring("arzoo: ") && ContainsSubstring("cannot be written: File too large\n"));
  CHECK_FALSE(fs::exists(arzoo.files() / "new/model"));
  CHECK_FALSE(has_leftovers(arzoo.files()));
}
