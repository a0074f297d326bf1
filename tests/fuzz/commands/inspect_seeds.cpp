#include "cli/hostile_files.h"
#include "fuzz/commands/command_target.h"

namespace arzoo::fuzz {
namespace {

using namespace test;

std::vector<std::string> checkpoints() {
  const std::string deep = repeated("[", 100'000);
  const auto with_metadata = [](const std::string& text) {
    const auto header = R"({"__metadata__":{"identity":")" + text +
                        R"("},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
    std::string file;
    append_little(file, static_cast<std::uint64_t>(header.size()));
    return file + header + "\0\0\0\0"s;
  };
  std::string keys;
  for (int i = 0; i < 20'000; ++i) keys += fmt::format(R"({}\"k{}\":0)", i == 0 ? "" : ",", i);
  std::string nested = R"({"a":)";
  std::string header;
  append_little(header, std::uint64_t{600'000});
  return {safetensors_of(3, 4),
          safetensors_of(10'000, 0),
          safetensors_of(5'000, 16),
          with_metadata(deep),
          with_metadata("{" + keys + "}"),
          with_metadata(repeated("\xc3\xa9", 50'000)),
          header + repeated(nested, 100'000),
          pth_of_one_storage(20, 256),
          pth_of_one_storage(1000, 1 << 16),
          zip({{"x/data.pkl", "\x80\x02(" + std::string(500'000, ')') + "t."}}),
          zip({{"x/data.pkl", "\x80\x04" + repeated("}\x94", 100'000) + "."}}),
          zip({{"x/data.pkl", "\x80\x02" + repeated("(", 100'000) + repeated("t", 100'000) + "."}}),
          zip({{"x/data.pkl", "\x80\x02}" + pickled_item("f", pickled_call("true")) + "."}}),
          pickled_checkpoint("}" + pickled_item("w", pickled_tensor()))};
}

std::vector<std::string> pictures() {
  const auto with_text = [](const std::string& text) {
    return png_of(1, 1, png_chunk("tEXt", "parameters\0"s + text));
  };
  return {png_of(1, 1, png_chunk("IDAT", deflated("\0abc"s, 15))),
          png_of(65535, 65535, png_chunk("IDAT", deflated("a", 15))),
          png_of_texts(100, 1 << 16),
          png_of_texts(5'000, 1),
          with_text(repeated("[", 400'000)),
          with_text("{" + repeated(R"("a":{)", 50'000)),
          with_text("[" + repeated("0,", 200'000) + "0]")};
}

std::vector<std::string> meshes() {
  const std::string vertices = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
  const std::string ply =
      "ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty char x\n"
      "property char y\nproperty char z\nelement face 1\n"
      "property list uint uchar vertex_indices\nend_header\n" +
      std::string("\0\0\0\1\0\0\0\1\0", 9);
  std::string nodes;
  for (int i = 0; i < 5'000; ++i) nodes += fmt::format("{{\"children\":[{}]}},", i + 1);
  const std::string chain =
      R"({"asset":{"version":"2.0"},"scenes":[{"nodes":[0]}],"nodes":[)" + nodes + "{}]}";
  std::string apart(80, ' ');
  constexpr std::uint32_t kTriangles = 3'000;
  append_little(apart, kTriangles);
  for (std::uint32_t i = 0; i < kTriangles; ++i) {
    apart += std::string(12, '\0');
    for (std::uint32_t k = 0; k < 9; ++k) append_little(apart, 0x3f800000 + 4099 * (9 * i + k));
    apart += std::string(2, '\0');
  }
  return {vertices + "f 1 2 3\n",
          vertices + "f " + repeated("1 ", 200'000) + "\n",
          vertices + repeated("f " + repeated("1 ", 100) + "\n", 1'000),
          "OFF\n3 1000 0\n0 0 0\n1 0 0\n0 1 0\n" + repeated("100 " + repeated("1 ", 100) + "\n", 1'000),
          ply + little_endian(3) + std::string("\0\1\2", 3),
          ply + little_endian(200'000) + std::string(200'000, '\0'),
          apart,
          glb_of_copies(1, 1, 3),
          glb_of_copies(1, 1'000, 3'000),
          glb_of_copies(3'000, 3'000, 3),
          glb_of(R"({"extras":[)" + repeated("0,", 100'000) + "0]}", ""),
          glb_of(chain, "")};
}

}  // namespace

std::vector<std::string> made_seeds() {
  auto seeds = checkpoints();
  for (const auto& more : {pictures(), meshes()}) seeds.insert(seeds.end(), more.begin(), more.end());
  return seeds;
}

}  // namespace arzoo::fuzz
