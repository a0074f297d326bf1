#include "shape3d/generation_metrics.h"

#include <memory>

#include "kernels/parallel.h"
#include "shape3d/kd_tree.h"

namespace arzoo::shape3d {
namespace {

double mean_distance(const std::vector<io::Vec3>& from, const KdTree& to) {
  double sum = 0.0;
  for (const auto& point : from) sum += std::sqrt(to.nearest(point).squared_distance);
  return sum / static_cast<double>(from.size());
}

/// Distances between all clouds of both sets, the real ones first.
class DistanceTable {
 public:
  DistanceTable(const std::vector<std::vector<io::Vec3>>& real,
                const std::vector<std::vector<io::Vec3>>& sampled) {
    std::vector<const std::vector<io::Vec3>*> clouds;
    std::vector<std::unique_ptr<KdTree>> trees;
    for (const auto* set : {&real, &sampled}) {
      for (const auto& cloud : *set) {
        clouds.push_back(&cloud);
        trees.push_back(std::make_unique<KdTree>(cloud));
      }
    }
    size_ = clouds.size();
    distances_.assign(size_ * size_, HUGE_VAL);
    kernels::parallel_for(static_cast<int64_t>(size_), 1, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        for (std::size_t j = 0; j < size_; ++j) {
          if (i != j) distances_[i * size_ + j] = mean_distance(*clouds[i], *trees[j]);
        }
      }
    });
  }
  double at(std::size_t i, std::size_t j) const {
    return distances_[i * size_ + j] + distances_[j * size_ + i];
  }
  /// The nearest to cloud i among the clouds [begin, end).
  std::size_t nearest(std::size_t i, std::size_t begin, std::size_t end) const {
    std::size_t best = begin;
    for (std::size_t j = begin; j < end; ++j) {
      if (at(i, j) < at(i, best)) best = j;
    }
    return best;
  }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
  std::vector<double> distances_;
};

}  // namespace

GenerationQuality generation_quality(const std::vector<std::vector<io::Vec3>>& real,
                                     const std::vector<std::vector<io::Vec3>>& sampled) {
  const DistanceTable table(real, sampled);
  const auto count = real.size();
  GenerationQuality quality;
  for (std::size_t i = 0; i < count; ++i) quality.mmd += table.at(i, table.nearest(i, count, table.size()));
  quality.mmd /= static_cast<double>(count);
  std::vector<bool> covered(count);
  for (std::size_t i = count; i < table.size(); ++i) covered[table.nearest(i, 0, count)] = true;
  quality.coverage =
      static_cast<double>(std::count(covered.begin(), covered.end(), true)) / static_cast<double>(count);
  std::size_t told = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if ((table.nearest(i, 0, table.size()) < count) == (i < count)) ++told;
  }
  quality.nna = static_cast<double>(told) / static_cast<double>(table.size());
  return quality;
}

}  // namespace arzoo::shape3d
