#include "image/lanczos.h"

#include "support/test.h"

using namespace arzoo;
using image::lanczos_resized;

namespace {

io::Picture pattern(int64_t width, int64_t height, int64_t channels) {
  io::Picture picture{.width = width, .height = height, .channels = channels};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < channels; ++c)
        picture.pixels.push_back(
            static_cast<uint8_t>((x * x * 7 + y * 13 * (c + 1) + x * y * 5 + c * 40) % 256));
    }
  }
  return picture;
}

std::vector<int> numbers(const io::Picture& picture) {
  return {picture.pixels.begin(), picture.pixels.end()};
}

}  // namespace

// Expected values: Image.resize(..., LANCZOS) of Pillow 13 on the same patterns.
TEST_CASE("resizing equals Pillow's Lanczos filter to the bit, smaller and larger") {
  const auto grey = pattern(9, 7, 1);
  CHECK(numbers(lanczos_resized(grey, 4, 3)) ==
        std::vector<int>{11, 83, 169, 150, 49, 149, 142, 118, 101, 155, 127, 165});
  CHECK(numbers(lanczos_resized(grey, 9, 3)) == std::vector<int>{8,  19,  43,  81,  134, 217, 124, 136, 184,
                                                                 39, 61,  97,  147, 211, 108, 110, 156, 95,
                                                                 70, 103, 151, 213, 75,  105, 230, 70,  219});
  CHECK(numbers(lanczos_resized(grey, 4, 7)) ==
        std::vector<int>{3,   56,  184, 161, 16,  99, 138, 156, 32,  123, 193, 101, 50,  145,
                         120, 156, 66,  176, 140, 91, 98,  135, 110, 157, 114, 162, 149, 207});
  const auto larger = numbers(lanczos_resized(grey, 13, 11));
  CHECK(std::vector<int>(larger.begin(), larger.begin() + 15) ==
        std::vector<int>{0, 1, 9, 24, 46, 74, 110, 141, 235, 255, 114, 110, 193, 4, 7});
  CHECK(std::vector<int>(larger.end() - 6, larger.end()) == std::vector<int>{96, 219, 251, 136, 175, 255});
  CHECK(numbers(lanczos_resized(pattern(6, 5, 3), 4, 4)) ==
        std::vector<int>{3,   44,  87,  23,  64,  103, 79,  121, 170, 159, 169, 224, 20,  79,  132, 50,
                         100, 169, 113, 199, 225, 225, 97,  100, 39,  110, 192, 75,  163, 244, 164, 191,
                         107, 151, 94,  129, 56,  147, 169, 99,  192, 58,  208, 54,  108, 116, 118, 229});
}

TEST_CASE("a picture that has the size already stays as it is") {
  const auto picture = pattern(5, 4, 3);
  CHECK(lanczos_resized(picture, 5, 4).pixels == picture.pixels);
}
