#include "shape3d/generation_metrics.h"

#include "support/test.h"

#include "shape3d/surface_points.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

using Cloud = std::vector<io::Vec3>;
using Clouds = std::vector<Cloud>;

/// Clouds around places on the x axis, each of 40 points no farther than `size` along an axis.
Clouds clouds_at(const std::vector<float>& places, float size, uint64_t seed) {
  std::mt19937_64 random(seed);
  Clouds clouds;
  for (const float place : places) {
    Cloud cloud;
    for (int i = 0; i < 40; ++i) cloud.push_back(volume_point(size, random) + io::Vec3{place, 0, 0});
    clouds.push_back(std::move(cloud));
  }
  return clouds;
}

double chamfer_of(const Cloud& a, const Cloud& b) {
  const auto one_way = [](const Cloud& from, const Cloud& to) {
    double sum = 0.0;
    for (const auto& p : from) {
      double least = HUGE_VAL;
      for (const auto& q : to) least = std::min(least, double{length(q - p)});
      sum += least;
    }
    return sum / static_cast<double>(from.size());
  };
  return one_way(a, b) + one_way(b, a);
}

}  // namespace

TEST_CASE("a set beside itself is covered at distance zero, and told apart never") {
  const auto set = clouds_at({0, 10, 20, 30}, 1.0F, 1);
  const auto quality = generation_quality(set, set);
  CHECK(quality.mmd == 0.0);
  CHECK(quality.coverage == 1.0);
  CHECK(quality.nna == 0.0);  // each cloud's nearest is its copy, of the other set
}

TEST_CASE("the matching distance is the mean of real clouds' Chamfer distances to their nearest") {
  const auto real = clouds_at({0, 1, 5}, 1.0F, 2), sampled = clouds_at({0.5F, 4, 9, 2}, 1.5F, 3);
  double mean = 0.0;
  for (const auto& cloud : real) {
    double least = HUGE_VAL;
    for (const auto& other : sampled) least = std::min(least, chamfer_of(cloud, other));
    mean += least / 3.0;
  }
  CHECK(generation_quality(real, sampled).mmd == Approx(mean).epsilon(1e-5));
}

TEST_CASE("one shape over and over covers one real shape") {
  const auto real = clouds_at({0, 10, 20, 30}, 1.0F, 4);
  const auto quality = generation_quality(real, clouds_at({10, 10, 10, 10}, 1.0F, 5));
  CHECK(quality.coverage == 0.25);
  CHECK(quality.mmd > 5.0);
}

TEST_CASE("sets far apart are always told apart, sets of one kind about half the time") {
  const auto real = clouds_at({0, 0.5F, 1, 1.5F}, 1.0F, 6);
  CHECK(generation_quality(real, clouds_at({50, 51, 52, 53}, 1.0F, 7)).nna == 1.0);
  const std::vector<float> same(40, 0.0F);
  const auto alike = generation_quality(clouds_at(same, 1.0F, 8), clouds_at(same, 1.0F, 9));
  CHECK(alike.nna == Approx(0.5).margin(0.2));
}
