#include "cli/hostile_files.h"

#include <sys/stat.h>

#include "cli/refusal.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

constexpr double kFloor = 64e6, kPerByte = 8;

/// A file and the command that reads it. What docs/results/reliability.md says of it is checked as well.
struct Hostile {
  std::string format, what;
  std::string name, bytes;
  std::string message;  ///< behind the file's name; "" where the file is accepted
};

/// Read by `arzoo inspect`.
std::vector<Hostile> inspected_files() {
  const std::string vertex = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
  const std::string ply =
      "ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty char x\n"
      "property char y\nproperty char z\nelement face 1\n"
      "property list uint uchar vertex_indices\nend_header\n";
  constexpr std::size_t kCorners = 2'500'000;
  return {
      {"safetensors", "100,000 tensors without bytes", "many.safetensors", safetensors_of(100'000, 0),
       "its tensors would take more than"},
      {"safetensors", "100,000 tensors of 128 bytes (accepted)", "listed.safetensors",
       safetensors_of(100'000, 128), ""},
      {"PyTorch", "1,000 tensors share a misaligned megabyte", "shared.pth",
       pth_of_one_storage(1000, 1 << 20), "its tensors share their storages more than 64 times"},
      {"PyTorch", "4 million empty tuples", "tuples.pth",
       zip({{"x/data.pkl", "\x80\x02(" + std::string(4'000'000, ')') + "t."}}),
       "what its pickle lists would take"},
      {"PyTorch", "a million empty dicts, each remembered", "memo.pth",
       zip({{"x/data.pkl", "\x80\x04" + repeated("}\x94", 1'000'000) + "."}}),
       "what its pickle lists would take"},
      {"PNG", "100 texts of a megabyte, compressed", "texts.png", png_of_texts(100, std::size_t{1} << 20),
       "the texts would take"},
      {"PNG", "9,000 texts of a byte, compressed (accepted)", "bytes.png", png_of_texts(9000, 1), ""},
      {"OBJ", "a face of 2.5 million corners", "fan.obj", vertex + "f " + repeated("1 ", kCorners) + "\n",
       "4: a line of more than 524288 words"},
      {"OBJ", "faces of 1,000 corners", "fans.obj",
       vertex + repeated("f " + repeated("1 ", 1000) + "\n", kCorners / 1000), "its triangles would take"},
      {"OFF", "faces of 1,000 corners", "fans.off",
       "OFF\n3 2500 0\n0 0 0\n1 0 0\n0 1 0\n" +
           repeated("1000 " + repeated("1 ", 1000) + "\n", kCorners / 1000),
       "its triangles would take"},
      {"PLY", "a face of 2.5 million corners", "fan.ply",
       ply + std::string("\0\0\0\1\0\0\0\1\0", 9) + little_endian(kCorners) + std::string(kCorners, '\0'),
       "its triangles would take"},
      {"STL", "20,000 triangles, all apart (accepted)", "apart.stl",
       [] {
         std::string bytes(80, ' ');
         constexpr std::uint32_t kTriangles = 20'000;
         bytes += little_endian(kTriangles);
         for (std::uint32_t i = 0; i < kTriangles; ++i) {
           std::string record(12, '\0');
           for (std::uint32_t k = 0; k < 9; ++k) record += little_endian(0x3f800000 + 4099 * (9 * i + k));
           bytes += record + std::string(2, '\0');
         }
         return bytes;
       }(),
       ""},
      {"GLB", "a part of 60,000 vertices 1,000 times in one mesh", "primitives.glb",
       glb_of_copies(1, 1000, 60'000), "its vertices would take"},
      {"GLB", "5,000 places of 5,000 parts", "places.glb", glb_of_copies(5000, 5000, 3),
       "its vertices would take"},
      {"GLB", "3 million numbers in its description", "values.glb",
       glb_of(R"({"extras":[)" + repeated("0,", 3'000'000) + "0]}", ""),
       "its description in JSON would take"},
  };
}

/// Read by `arzoo train` with data.path.
std::vector<Hostile> trained_on_files() {
  auto jpeg = read_file(source_dir() / "tests/fixtures/pictures/grey.jpg");
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, "\xff\xdc\xff\xdc");
  return {
      {"PNG", "a header of 65,535 x 65,535 pixels", "pictures/a/huge.png",
       png_of(65535, 65535, png_chunk("IDAT", deflated("a", 15))),
       "a picture of 65535 x 65535 pixels would take"},
      {"PNG", "6,000 x 6,000 black pixels", "pictures/a/black.png", png_of_black(6000),
       "a picture of 6000 x 6000 pixels would take"},
      {"JPEG", "a header of 65,500 x 65,500 pixels", "pictures/a/huge.jpg", jpeg,
       "a picture of 65500 x 65500 pixels would take"},
      {"IDX", "a gzip file of 100 MB of zeros", "few-images-idx3-ubyte.gz",
       gzipped(std::string(100'000'000, '\0')), "expands to more than"},
      {"CSV", "a gzip file of 100 MB of zeros", "zeros.csv.gz", gzipped(std::string(100'000'000, '0')),
       "expands to more than"},
      {"CSV", "a gzip file of 25 million cells", "cells.csv.gz", gzipped("a\n" + repeated("1\n", 25'000'000)),
       "its cells would take"},
  };
}

std::string training_config(const Hostile& file) {
  if (file.format == "CSV")
    return R"({"model": {"name": "itransformer"}, "data": {"path": ")" + file.name +
           R"("}, "output": "new"})";
  const auto path = file.format == "IDX" ? file.name : "pictures";
  return R"({"model": {"name": "kl_vae", "embed_dim": 4, "ch": 32, "ch_mult": [1, 1], "num_res_blocks": 1,
             "resolution": 16}, "data": {"path": ")" +
         path + R"("}, "output": "new"})";
}

/// The row of the table in docs/results/reliability.md.
bool is_documented(const Hostile& file) {
  static const auto page = read_file(source_dir() / "docs/results/reliability.md");
  return page.find("| " + file.format + " | " + file.what + " |") != std::string::npos;
}

/// Runs the program. Linux counts the peak of the process that starts another one to that of the other, so
/// this one's is forgotten first.
Ended run_alone(const Program& arzoo, const std::vector<std::string>& arguments) {
  std::ofstream("/proc/self/clear_refs") << "5";
  return arzoo(arguments);
}

/// Runs the program on the file and holds it to the promise: memory and time by the file's size, a refusal
/// with exit code 3 and one line.
void check_bounded(const Program& arzoo, const std::vector<std::string>& arguments, const Hostile& file,
                   double plain_bytes) {
  CAPTURE(file.format, file.what, file.bytes.size());
  REQUIRE_FALSE(file.bytes.empty());
  arzoo.write(file.name, file.bytes);
  const auto ended = run_alone(arzoo, arguments);
  const auto taken = static_cast<double>(ended.peak_bytes) - plain_bytes;
  CAPTURE(ended.err, taken, ended.seconds);
  CHECK(ended.code == (file.message.empty() ? 0 : 3));
  CHECK_THAT(ended.err, ContainsSubstring(file.message));
  CHECK(taken <= kFloor + kPerByte * static_cast<double>(file.bytes.size()));
  CHECK(ended.seconds < 20.0);
  CHECK(is_documented(file));
  fs::remove(arzoo.files() / file.name);
  fs::remove_all(arzoo.files() / "new");
}

}  // namespace

TEST_CASE("inspect takes memory and time in proportion to a hostile file") {
  const Program arzoo(Library::built);
  arzoo.write("plain.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n");
  const auto plain = run_alone(arzoo, {"inspect", "plain.obj"});
  REQUIRE(plain.code == 0);
  for (const auto& file : inspected_files())
    check_bounded(arzoo, {"inspect", file.name}, file, static_cast<double>(plain.peak_bytes));
}

TEST_CASE("training takes memory and time in proportion to a hostile file of data") {
  const Program arzoo(Library::built);
  arzoo.write("absent.json", training_config({"CSV", "", "absent.csv", "", ""}));
  const auto plain = run_alone(arzoo, {"train", "absent.json", "--quiet"});
  REQUIRE(plain.code == 3);
  for (const auto& file : trained_on_files()) {
    fs::create_directories(arzoo.files() / "pictures/a");
    arzoo.write("config.json", training_config(file));
    check_bounded(arzoo, {"train", "config.json", "--quiet"}, file, static_cast<double>(plain.peak_bytes));
  }
}

TEST_CASE("what is no regular file is refused at once wherever a file is expected") {
  const TrainedProgram arzoo;
  fs::create_directories(arzoo.files() / "pictures/a");
  ::mkfifo((arzoo.files() / "pipe").c_str(), 0600);
  ::mkfifo((arzoo.files() / "pipe.obj").c_str(), 0600);
  ::mkfifo((arzoo.files() / "pictures/a/pipe.png").c_str(), 0600);
  fs::create_symlink("loop", arzoo.files() / "loop");
  arzoo.write("piped.json",
              R"({"model": {"name": "itransformer"}, "data": {"path": "pipe"}, "output": "new"})");
  arzoo.write("pictured.json", training_config({"PNG", "", "", "", ""}));
  const auto forecast = [](const std::string& input) {
    return std::vector<std::string>{"forecast", "--model", "run", "--input", input, "--output", "out.csv"};
  };
  struct Row {
    std::vector<std::string> arguments;
    int code;
    std::string message;
  };
  const std::vector<Row> rows = {
      {{"inspect", "pipe"}, 3, "pipe: is not a regular file (a named pipe)"},
      {{"inspect", "pipe.obj"}, 3, "pipe.obj: is not a regular file (a named pipe)"},
      {{"inspect", "/dev/zero"}, 3, "/dev/zero: is not a regular file (a device or a socket)"},
      {{"convert", "pipe", "out.safetensors"}, 3, "pipe: is not a regular file (a named pipe)"},
      {{"train", "pipe"}, 2, "pipe: is not a regular file (a named pipe) (expected a JSON file)"},
      {{"train", "/dev/zero"},
       2,
       "/dev/zero: is not a regular file (a device or a socket) (expected a JSON file)"},
      {{"train", "loop"},
       2,
       "loop: cannot be opened: Too many levels of symbolic links (expected a JSON file)"},
      {{"train", "piped.json", "--quiet"}, 3, "pipe: is not a regular file (a named pipe)"},
      {{"train", "pictured.json", "--quiet"},
       3,
       "pictures/a: no pictures of this class, expected .png, .jpg or .jpeg files"},
      {forecast("pipe"), 3, "pipe: is not a regular file (a named pipe)"},
      {forecast("/dev/zero"), 3, "/dev/zero: is not a regular file (a device or a socket)"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.arguments);
    const auto ended = arzoo(row.arguments);
    CHECK(ended.code == row.code);
    CHECK(ended.err == "arzoo: " + row.message + "\n");
    CHECK(ended.seconds < 10.0);
  }
}

TEST_CASE("a run whose log is a pipe is reported and resumed without waiting for it") {
  const TrainedProgram arzoo;
  fs::create_directories(arzoo.files() / "runs");
  fs::copy(arzoo.files() / "run", arzoo.files() / "runs/piped", fs::copy_options::recursive);
  fs::remove(arzoo.files() / "runs/piped/metrics.jsonl");
  ::mkfifo((arzoo.files() / "runs/piped/metrics.jsonl").c_str(), 0600);
  const auto report = arzoo({"bench", "report", "runs", "--output", "page.html"});
  CAPTURE(report.err);
  CHECK(report.code == 0);
  CHECK_THAT(report.err, ContainsSubstring("metrics.jsonl"));
  const auto resumed = arzoo(
      {"train", "config.json", "--out", "runs/piped", "--resume", "--set", "training.epochs=2", "--quiet"});
  CHECK(resumed.code == 3);
  CHECK_THAT(resumed.err, ContainsSubstring("metrics.jsonl: "));
}

TEST_CASE("weights that are NaN and values near the largest double give no empty forecast without a word") {
  const TrainedProgram arzoo;
  const std::vector<std::string> forecast{"forecast", "--model",  "run",    "--input",
                                          "huge.csv", "--output", "out.csv"};
  auto table = hourly_table(TrainedProgram::kRows, {"a", "b"});
  for (std::size_t i = table.values.size() - 2; i < table.values.size(); ++i) table.values[i] = -1.797e308;
  arzoo.write("huge.csv", wide_csv(table));
  check_refused(arzoo, forecast, 3, "run: no forecast is a finite number …");
}
