#include "shape3d/outline.h"

#include "support/test.h"

#include "io/mesh_renderer.h"
#include "shape3d/implicit_shape.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

/// A picture that is dark where `inside` says so, else white.
template <class Inside>
io::Picture figure(int64_t width, int64_t height, int64_t channels, const Inside& inside) {
  io::Picture picture{.width = width, .height = height, .channels = static_cast<int>(channels)};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < channels; ++c) picture.pixels.push_back(inside(x, y) ? 90 : 255);
    }
  }
  return picture;
}

double mean_of(const io::Picture& outline) {
  double sum = 0.0;
  for (const auto pixel : outline.pixels) sum += pixel / 255.0;
  return sum / static_cast<double>(outline.pixels.size());
}

}  // namespace

TEST_CASE("a framed square fills the frame but for its margin, whatever its size") {
  for (const int64_t side : {4, 9, 40}) {
    const auto square = figure(
        60, 50, 1, [&](int64_t x, int64_t y) { return x >= 7 && x < 7 + side && y >= 3 && y < 3 + side; });
    CHECK(mean_of(framed_outline(square, 20)) == Approx(0.9 * 0.9).margin(0.03));
  }
}

TEST_CASE("an outline is as its picture: colours, channels and mirror images") {
  const auto corner = [](int64_t x, int64_t y) { return x + 2 * y < 30 && x >= 2 && y >= 1; };
  const auto grey = framed_outline(figure(40, 40, 1, corner), 16);
  CHECK(framed_outline(figure(40, 40, 3, corner), 16).pixels == grey.pixels);
  const auto mirrored =
      framed_outline(figure(40, 40, 1, [&](int64_t x, int64_t y) { return corner(39 - x, y); }), 16);
  int64_t differ = 0;
  for (int64_t y = 0; y < 16; ++y) {
    for (int64_t x = 0; x < 16; ++x) {
      const auto at = [&](const io::Picture& p, int64_t column) {
        return p.pixels[static_cast<std::size_t>(y * 16 + column)];
      };
      if (std::abs(at(grey, x) - at(mirrored, 15 - x)) > 16) ++differ;  // a sample of 16 at a border
    }
  }
  CHECK(differ == 0);
  CHECK(grey.pixels != mirrored.pixels);
}

TEST_CASE("an outline of a rendered ball is a disc of the frame's size from near and far") {
  const auto ball = ImplicitShape({{SolidPart::Kind::ellipsoid, {}, {1, 1, 1}}}).surface(48);
  for (const double half : {1.1, 2.0, 4.0}) {
    io::View view;
    view.half = half;
    view.pixels = 256;
    const double disc = 3.14159265 / 4.0 * 0.9 * 0.9;
    CHECK(mean_of(framed_outline(io::silhouette(ball, view), 32)) == Approx(disc).epsilon(0.03));
  }
}
