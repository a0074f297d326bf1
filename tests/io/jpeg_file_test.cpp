#include "io/jpeg_file.h"

#include <numeric>

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using test::read_file;

namespace {

std::string stored(const std::string& name) {
  return read_file(test::source_dir() / "tests/fixtures/pictures" / name);
}

std::vector<int> first_of(const io::Picture& picture, std::size_t count) {
  return {picture.pixels.begin(), picture.pixels.begin() + static_cast<std::ptrdiff_t>(count)};
}

int64_t sum_of(const io::Picture& picture) {
  return std::accumulate(picture.pixels.begin(), picture.pixels.end(), int64_t{0});
}

}  // namespace

// Expected values: Pillow 13 on the same files.
TEST_CASE("grey, progressive and CMYK pictures are read as Pillow reads them") {
  const auto grey = io::decode_jpeg(stored("grey.jpg"), "grey.jpg");
  CHECK(std::tuple(grey.width, grey.height, grey.channels) == std::tuple(10, 7, 1));
  CHECK(first_of(grey, 12) == std::vector<int>{40, 45, 52, 58, 64, 70, 77, 82, 88, 94, 43, 48});
  CHECK(sum_of(grey) == 5309);

  const auto rgb = io::decode_jpeg(stored("progressive.jpg"), "progressive.jpg");
  CHECK(std::tuple(rgb.width, rgb.height, rgb.channels) == std::tuple(17, 12, 3));
  CHECK(first_of(rgb, 6) == std::vector<int>{43, 80, 124, 45, 79, 125});
  CHECK(sum_of(rgb) == 77187);

  const auto cmyk = io::decode_jpeg(stored("cmyk.jpg"), "cmyk.jpg");
  CHECK(std::tuple(cmyk.width, cmyk.height, cmyk.channels) == std::tuple(8, 6, 3));
  // Pillow rounds the product of ink and black in another place: within one step.
  const auto pixels = first_of(cmyk, 6);
  const std::vector<int> expected{80, 65, 50, 74, 63, 46};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(pixels[i] - expected[i]) <= 1);
}

TEST_CASE("a JPEG picture cut anywhere is refused by name, never repaired") {
  const auto whole = stored("progressive.jpg");
  for (std::size_t length = 3; length + 2 < whole.size(); length += 7) {
    INFO(length);
    CHECK_THROWS_WITH(io::decode_jpeg(whole.substr(0, length), "cut.jpg"), ContainsSubstring("cut.jpg: "));
  }
  CHECK_THROWS_AS(io::decode_jpeg("\x89PNG", "other.jpg"), DataError);
  CHECK_THROWS_AS(io::decode_jpeg("", "empty.jpg"), DataError);
}

TEST_CASE("damage in a JPEG picture ends in an error or in a picture of the promised size") {
  const auto whole = stored("progressive.jpg");
  for (std::size_t at = 2; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    try {
      const auto picture = io::decode_jpeg(damaged, "damaged.jpg");
      CHECK(picture.pixels.size() == static_cast<std::size_t>(picture.row_bytes() * picture.height));
    } catch (const DataError& error) {
      CHECK_THAT(error.what(), ContainsSubstring("damaged.jpg: "));
    }
  }
}

TEST_CASE(
    "a JPEG picture that promises more pixels than its bytes can hold is refused before memory is taken") {
  auto bytes = stored("grey.jpg");
  const auto frame = bytes.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  bytes.replace(frame + 5, 4, "\xfd\xe8\xfd\xe8");  // 65000 x 65000
  CHECK_THROWS_WITH(io::decode_jpeg(bytes, "huge.jpg"), ContainsSubstring("65000 x 65000 pixels"));
}

TEST_CASE("a JPEG picture in several scans is held whole by its decoder, within the same memory") {
  auto bytes = stored("progressive.jpg");
  const auto frame = bytes.find("\xff\xc2");
  REQUIRE(frame != std::string::npos);
  bytes.replace(frame + 5, 4, "\x0f\xa0\x0f\xa0");  // 4000 x 4000: the pixels alone would fit
  CHECK_THROWS_WITH(
      io::decode_jpeg(bytes, "scans.jpg"),
      ContainsSubstring("scans.jpg: a picture in several scans (save it as one scan, or smaller)"));
}

TEST_CASE("a picture that is written as JPEG is nearly the one that is read, and carries its texts") {
  io::Picture picture{.width = 37, .height = 23, .channels = GENERATE(1, 3)};
  for (int64_t y = 0; y < picture.height; ++y) {
    for (int64_t x = 0; x < picture.width; ++x) {
      for (int64_t c = 0; c < picture.channels; ++c)
        picture.pixels.push_back(static_cast<uint8_t>(40 + 3 * x + 2 * y + 20 * c));
    }
  }
  const std::string long_text = "{\"classes\":\"" + std::string(150'000, 'x') + "\"}";
  const io::PictureTexts texts{{"Software", "arzoo"},
                               {"parameters", GENERATE_COPY(std::string("{}"), long_text)}};
  const auto bytes = io::encode_jpeg(picture, texts);
  const auto read = io::decode_jpeg(bytes, "written.jpg");
  REQUIRE(std::tuple(read.width, read.height, read.channels) ==
          std::tuple(picture.width, picture.height, picture.channels));
  int furthest = 0;
  for (std::size_t i = 0; i < picture.pixels.size(); ++i)
    furthest = std::max(furthest, std::abs(int{read.pixels[i]} - int{picture.pixels[i]}));
  CHECK(furthest <= 4);
  const auto summary = io::describe_jpeg(bytes, "written.jpg");
  CHECK(std::tuple(summary.width, summary.height, summary.bit_depth) == std::tuple(37, 23, 8));
  CHECK(summary.color == (picture.channels == 1 ? "grey" : "rgb"));
  CHECK(summary.texts == texts);
  CHECK(io::encode_jpeg(picture, texts) == bytes);
}

TEST_CASE("a picture too large for JPEG is refused") {
  io::Picture picture{.width = 65501, .height = 1, .channels = 1};
  picture.pixels.resize(65501);
  CHECK_THROWS_WITH(io::encode_jpeg(picture),
                    ContainsSubstring("65501 x 1 pixels: expected at most 65500 along a side"));
}

TEST_CASE("a foreign JPEG is described, a broken one is refused by name") {
  CHECK(io::describe_jpeg(stored("cmyk.jpg"), "cmyk.jpg").color == "cmyk");
  const auto progressive = io::describe_jpeg(stored("progressive.jpg"), "progressive.jpg");
  CHECK(std::pair(progressive.width, progressive.height) == std::pair(int64_t{17}, int64_t{12}));
  const std::string start = "\xff\xd8", comment = std::string("\xff\xfe\0\x0bplain", 9) + " 1.0";
  const auto whole = start + comment.substr(0, 13) + stored("grey.jpg").substr(2);
  CHECK(io::describe_jpeg(whole, "a.jpg").texts == io::PictureTexts{{"comment", "plain 1.0"}});
  for (std::size_t length = 2; length < whole.find("\xff\xda"); ++length)
    CHECK_THROWS_WITH(io::describe_jpeg(whole.substr(0, length), "cut.jpg"), ContainsSubstring("cut.jpg: "));
  std::string many = start;
  for (int i = 0; i < 300; ++i) many += std::string("\xff\xfe\0\x03x", 5);
  CHECK_THROWS_WITH(io::describe_jpeg(many + stored("grey.jpg").substr(2), "a.jpg"),
                    ContainsSubstring("more than 256 comments"));
}
