#include "io/png_file.h"

#include "support/test.h"

#include "core/error.h"

using namespace arzoo;

namespace {

io::Picture ramp(int64_t width, int64_t height, int64_t channels) {
  io::Picture picture{.width = width, .height = height, .channels = channels};
  for (int64_t i = 0; i < width * height * channels; ++i)
    picture.pixels.push_back(static_cast<uint8_t>(i * 7 % 256));
  return picture;
}

}  // namespace

TEST_CASE("a picture comes back from its PNG, grey or coloured") {
  for (const int64_t channels : {1, 3}) {
    const auto picture = ramp(5, 3, channels);
    const auto read = io::decode_png(io::encode_png(picture), "a.png");
    CHECK(read.width == 5);
    CHECK(read.height == 3);
    CHECK(read.channels == channels);
    CHECK(read.pixels == picture.pixels);
  }
}

TEST_CASE("texts stand in the file and leave the pixels alone") {
  const auto bytes = io::encode_png(ramp(4, 4, 3), {{"Software", "arzoo"}, {"parameters", R"({"seed":1})"}});
  const auto summary = io::describe_png(bytes, "a.png");
  CHECK(summary.width == 4);
  CHECK(summary.bit_depth == 8);
  CHECK(summary.color == "rgb");
  CHECK(summary.texts == io::PictureTexts{{"Software", "arzoo"}, {"parameters", R"({"seed":1})"}});
  CHECK(io::decode_png(bytes, "a.png").pixels == ramp(4, 4, 3).pixels);
}

TEST_CASE("a PNG that is cut or changed anywhere is refused") {
  const auto bytes = io::encode_png(ramp(8, 8, 3), {{"parameters", "{}"}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(io::describe_png(std::string_view(bytes).substr(0, size), "a.png"), DataError);
  }
  for (std::size_t at = 8; at < bytes.size(); ++at) {
    CAPTURE(at);
    auto changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    CHECK_THROWS_AS(io::describe_png(changed, "a.png"), DataError);
    try {
      io::decode_png(changed, "a.png");  // may pass when the change is in a text
    } catch (const DataError&) {
    }
  }
}

TEST_CASE("a PNG that promises more pixels than can be is refused before memory is taken") {
  auto bytes = io::encode_png(ramp(1, 1, 1));
  // IHDR with 30000 x 30000 pixels; its checksum is made anew.
  const auto header = std::string("IHDR\x00\x00\x75\x30\x00\x00\x75\x30\x08\x00\x00\x00\x00", 17);
  bytes.replace(12, header.size(), header);
  const std::string crc("\x43\x4c\xa7\x66", 4);
  bytes.replace(29, 4, crc);
  CHECK_THROWS_WITH(io::decode_png(bytes, "a.png"), ContainsSubstring("30000 x 30000"));
}

TEST_CASE("a grid holds its pictures in rows with white between them") {
  std::vector<io::Picture> pictures(3, io::Picture{.width = 2, .height = 1, .channels = 1, .pixels = {1, 2}});
  const auto grid = io::picture_grid(pictures, 2, 1);
  CHECK(grid.width == 5);
  CHECK(grid.height == 3);
  CHECK(grid.pixels == std::vector<uint8_t>{1, 2, 255, 1, 2, 255, 255, 255, 255, 255, 1, 2, 255, 255, 255});
  CHECK(io::square_columns(10) == 4);
}
