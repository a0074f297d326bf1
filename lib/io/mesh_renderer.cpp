#include "io/mesh_renderer.h"

#include <array>
#include <numbers>
#include <vector>

namespace arzoo::io {
namespace {

/// The camera's axes: right, up, and towards it.
struct Camera {
  Vec3 right, up, back;

  explicit Camera(const View& view) {
    const double turn = view.azimuth * std::numbers::pi / 180.0,
                 tilt = view.elevation * std::numbers::pi / 180.0;
    const auto f = [](double value) { return static_cast<float>(value); };
    back = {f(std::sin(turn) * std::cos(tilt)), f(std::sin(tilt)), f(std::cos(turn) * std::cos(tilt))};
    right = {f(std::cos(turn)), 0.0F, f(-std::sin(turn))};
    up = cross(back, right);
  }
  Vec3 seen(Vec3 point) const { return {dot(point, right), dot(point, up), dot(point, back)}; }
};

/// The nearest surface at each sample of a picture.
class DepthBuffer {
 public:
  DepthBuffer(const View& view, int64_t samples)
      : side_(view.pixels * samples),
        scale_(static_cast<float>(static_cast<double>(side_) / (2.0 * view.half))),
        depth_(static_cast<std::size_t>(side_ * side_), -HUGE_VALF),
        normals_(depth_.size()) {}

  /// corners, normals: in the camera's axes.
  void rasterise(const std::array<Vec3, 3>& corners, const std::array<Vec3, 3>& normals) {
    std::array<Vec3, 3> p;
    Box3 box;
    for (std::size_t k = 0; k < 3; ++k) {
      const auto middle = static_cast<float>(side_) * 0.5F;
      p[k] = {middle + corners[k].x * scale_, middle - corners[k].y * scale_, corners[k].z};
      box.add(p[k]);
    }
    const float area = (p[1].x - p[0].x) * (p[2].y - p[0].y) - (p[1].y - p[0].y) * (p[2].x - p[0].x);
    if (!(std::abs(area) > 1e-12F)) return;
    const auto first = [](float low) { return std::max<int64_t>(0, static_cast<int64_t>(std::floor(low))); };
    const auto last = [&](float high) { return std::min(side_ - 1, static_cast<int64_t>(std::ceil(high))); };
    for (int64_t y = first(box.low.y); y <= last(box.high.y); ++y) {
      for (int64_t x = first(box.low.x); x <= last(box.high.x); ++x) {
        const float px = static_cast<float>(x) + 0.5F, py = static_cast<float>(y) + 0.5F;
        const auto weight = [&](const Vec3& a, const Vec3& b) {
          return ((b.x - a.x) * (py - a.y) - (b.y - a.y) * (px - a.x)) / area;
        };
        const float u = weight(p[1], p[2]), v = weight(p[2], p[0]), w = weight(p[0], p[1]);
        if (u < 0.0F || v < 0.0F || w < 0.0F) continue;
        const auto at = static_cast<std::size_t>(y * side_ + x);
        const float depth = u * p[0].z + v * p[1].z + w * p[2].z;
        if (depth <= depth_[at]) continue;
        depth_[at] = depth;
        normals_[at] = normals[0] * u + normals[1] * v + normals[2] * w;
      }
    }
  }

  bool is_covered(std::size_t at) const { return depth_[at] > -HUGE_VALF; }
  Vec3 normal(std::size_t at) const { return unit(normals_[at]); }
  int64_t side() const { return side_; }

 private:
  int64_t side_;
  float scale_;
  std::vector<float> depth_;
  std::vector<Vec3> normals_;
};

using CornerNormals = std::vector<std::array<Vec3, 3>>;

/// The normals of each triangle's corners: means over the triangles around a corner that face nearly the same
/// way, so that curved surfaces are smooth and edges stay edges.
CornerNormals corner_normals(const Mesh& mesh) {
  constexpr float kSameSurface = 0.75F;  // the cosine of 41 degrees
  std::vector<std::vector<std::size_t>> around(mesh.vertices.size());
  std::vector<Vec3> areas, facing;
  for (const auto& triangle : mesh.triangles) {
    for (const auto index : triangle) around[static_cast<std::size_t>(index)].push_back(areas.size());
    areas.push_back(mesh.area_vector(triangle));
    facing.push_back(unit(areas.back()));
  }
  CornerNormals normals;
  for (std::size_t i = 0; i < areas.size(); ++i) {
    auto& own = normals.emplace_back();
    for (std::size_t k = 0; k < 3; ++k) {
      for (const auto other : around[static_cast<std::size_t>(mesh.triangles[i][k])]) {
        if (dot(facing[i], facing[other]) > kSameSurface) own[k] = own[k] + areas[other];
      }
      own[k] = unit(own[k]);
    }
  }
  return normals;
}

/// normals: of the mesh, empty where nobody asks for them.
DepthBuffer rasterised(const Mesh& mesh, const CornerNormals& normals, const View& view, int64_t samples) {
  DepthBuffer buffer(view, samples);
  const Camera camera(view);
  for (std::size_t i = 0; i < mesh.triangles.size(); ++i) {
    std::array<Vec3, 3> corners, turned{};
    for (std::size_t k = 0; k < 3; ++k) {
      corners[k] = camera.seen(mesh.corner(mesh.triangles[i], static_cast<int>(k)));
      if (!normals.empty()) turned[k] = camera.seen(normals[i][k]);
    }
    buffer.rasterise(corners, turned);
  }
  return buffer;
}

constexpr std::array<float, 3> kColour{0.62F, 0.70F, 0.82F};

/// What a surface with this normal shows: a key light from the upper left, a little from all around.
std::array<float, 3> shade(Vec3 normal) {
  const auto light = unit({-0.45F, 0.65F, 0.75F});
  const float lit = std::max(0.0F, dot(normal, light));
  const float glint = std::pow(lit, 40.0F) * 0.2F;
  std::array<float, 3> colour{};
  for (std::size_t c = 0; c < 3; ++c)
    colour[c] = kColour[c] * (0.28F + 0.12F * normal.y + 0.72F * lit) + glint;
  return colour;
}

Picture rendered(const Mesh& mesh, const CornerNormals& normals, const View& view) {
  constexpr int64_t kSamples = 2;
  const auto buffer = rasterised(mesh, normals, view, kSamples);
  Picture picture{.width = view.pixels, .height = view.pixels};
  for (int64_t y = 0; y < view.pixels; ++y) {
    for (int64_t x = 0; x < view.pixels; ++x) {
      std::array<float, 3> sum{};
      for (int64_t sample = 0; sample < kSamples * kSamples; ++sample) {
        const auto at = static_cast<std::size_t>((y * kSamples + sample / kSamples) * buffer.side() +
                                                 x * kSamples + sample % kSamples);
        const auto colour = buffer.is_covered(at) ? shade(buffer.normal(at)) : std::array<float, 3>{1, 1, 1};
        for (std::size_t c = 0; c < 3; ++c) sum[c] += std::min(colour[c], 1.0F);
      }
      for (const float value : sum)
        picture.pixels.push_back(static_cast<uint8_t>(std::lround(value / (kSamples * kSamples) * 255.0F)));
    }
  }
  return picture;
}

}  // namespace

Picture render(const Mesh& mesh, const View& view) { return rendered(mesh, corner_normals(mesh), view); }

Picture silhouette(const Mesh& mesh, const View& view) {
  constexpr uint8_t kWhite = 255;
  const auto buffer = rasterised(mesh, {}, view, 1);
  Picture picture{.width = view.pixels, .height = view.pixels, .channels = 1};
  for (std::size_t at = 0; at < static_cast<std::size_t>(view.pixels * view.pixels); ++at)
    picture.pixels.push_back(buffer.is_covered(at) ? 0 : kWhite);
  return picture;
}

std::vector<Picture> turn_table(const Mesh& mesh, int64_t views, const View& first) {
  const auto normals = corner_normals(mesh);
  std::vector<Picture> pictures;
  for (int64_t i = 0; i < views; ++i) {
    auto view = first;
    view.azimuth += 360.0 * static_cast<double>(i) / static_cast<double>(views);
    pictures.push_back(rendered(mesh, normals, view));
  }
  return pictures;
}

}  // namespace arzoo::io
