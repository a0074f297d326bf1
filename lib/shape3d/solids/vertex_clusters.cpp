#include "shape3d/solids/vertex_clusters.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "core/error.h"

namespace arzoo::shape3d {
namespace {

using End = std::array<double, 3>;
using Ids = std::vector<int64_t>;

constexpr int kMostMerges = 64;  // passes; a sound solid needs a handful

double distance(const End& a, const End& b) {
  double sum = 0.0;
  for (std::size_t axis = 0; axis < 3; ++axis) sum += (a[axis] - b[axis]) * (a[axis] - b[axis]);
  return std::sqrt(sum);
}

class Clusters {
 public:
  Clusters(const std::vector<End>& ends, const Ids& first_coedge, double threshold)
      : ends_(ends), first_(first_coedge), threshold_(threshold) {}

  VertexClusters merged() {
    pair_within_faces();
    join_faces();
    unite();
    drop_subsets();
    concatenate_near();
    unite_shared();
    VertexClusters result;
    result.of_end.assign(ends_.size(), -1);
    for (std::size_t i = 0; i < lists_.size(); ++i) {
      result.vertices.push_back(centre(lists_[i]));
      for (const int64_t id : lists_[i]) {
        auto& owner = result.of_end[static_cast<std::size_t>(id)];
        if (owner >= 0 && owner != static_cast<int64_t>(i))
          fail<DataError>("an end of an edge has two vertices");
        owner = static_cast<int64_t>(i);
      }
    }
    if (std::count(result.of_end.begin(), result.of_end.end(), -1) > 0)
      fail<DataError>("an end of an edge has no vertex");
    return result;
  }

 private:
  End centre(const Ids& list) const {
    End sum{};
    for (const int64_t id : list) {
      for (std::size_t axis = 0; axis < 3; ++axis) sum[axis] += ends_[static_cast<std::size_t>(id)][axis];
    }
    for (auto& x : sum) x /= static_cast<double>(list.size());
    return sum;
  }

  /// The nearest end to `id` within its face that is of another edge and not among `used`.
  int64_t nearest(int64_t id, int64_t first, int64_t last, const std::set<int64_t>& used) const {
    int64_t best = -1;
    double least = 0.0;
    for (int64_t other = first; other < last; ++other) {
      if (other / 2 == id / 2 || used.contains(other)) continue;
      const double d = distance(ends_[static_cast<std::size_t>(other)], ends_[static_cast<std::size_t>(id)]);
      if (best < 0 || d < least) best = other, least = d;
    }
    if (best < 0) fail<DataError>("an end of an edge has no other end beside it on its face");
    return best;
  }

  void pair_within_faces() {
    for (std::size_t face = 0; face + 1 < first_.size(); ++face) {
      const int64_t first = 2 * first_[face], last = 2 * first_[face + 1];
      std::set<Ids> pairs;
      std::set<int64_t> used;
      for (int64_t id = first; id < last; id += 2) {
        // As officially, both ends of an edge look at what was used before the edge.
        const auto before = used;
        for (const int64_t end : {id, id + 1}) {
          if (before.contains(end)) continue;
          const int64_t other = nearest(end, first, last, before);
          pairs.insert({std::min(end, other), std::max(end, other)});
          used.insert({end, other});
        }
      }
      if (2 * static_cast<int64_t>(pairs.size()) != last - first)
        fail<DataError>("face {}: the ends of its {} edges do not pair", face, (last - first) / 2);
      of_face_.emplace_back(pairs.begin(), pairs.end());
    }
    if (of_face_.size() < 2) fail<DataError>("one face, expected at least two");
  }

  void join_faces() {
    std::vector<std::vector<End>> centres;
    for (const auto& pairs : of_face_) {
      centres.emplace_back();
      for (const auto& pair : pairs) centres.back().push_back(centre(pair));
    }
    for (std::size_t face = 0; face < of_face_.size(); ++face) {
      for (std::size_t i = 0; i < of_face_[face].size(); ++i) {
        const Ids* best = nullptr;
        double least = 0.0;
        for (std::size_t other = 0; other < of_face_.size(); ++other) {
          if (other == face) continue;
          for (std::size_t j = 0; j < of_face_[other].size(); ++j) {
            const double d = distance(centres[other][j], centres[face][i]);
            if (best == nullptr || d < least) best = &of_face_[other][j], least = d;
          }
        }
        if (best == nullptr) fail<DataError>("one face has edges, expected at least two");
        auto list = *best;
        list.insert(list.end(), of_face_[face][i].begin(), of_face_[face][i].end());
        lists_.push_back(std::move(list));
      }
    }
  }

  /// Each list becomes its union with the first later one that shares an end and adds to it, until none does.
  void unite() {
    for (int pass = 0;; ++pass) {
      if (pass == kMostMerges) fail<DataError>("the ends of edges do not settle to vertices");
      bool changed = false;
      std::vector<Ids> sorted, united;
      for (const auto& list : lists_) {
        sorted.push_back(list);
        std::sort(sorted.back().begin(), sorted.back().end());
      }
      for (std::size_t i = 0; i < lists_.size(); ++i) {
        auto list = lists_[i];
        for (std::size_t j = i + 1; j < lists_.size(); ++j) {
          if (sorted[i].front() > sorted[j].back() || sorted[j].front() > sorted[i].back()) continue;
          Ids common;
          std::set_intersection(sorted[i].begin(), sorted[i].end(), sorted[j].begin(), sorted[j].end(),
                                std::back_inserter(common));
          if (common.empty()) continue;
          Ids all;
          std::set_union(sorted[i].begin(), sorted[i].end(), sorted[j].begin(), sorted[j].end(),
                         std::back_inserter(all));
          if (all.size() <= std::max(lists_[i].size(), lists_[j].size())) continue;
          list = std::move(all);
          changed = true;
          break;
        }
        united.push_back(std::move(list));
      }
      lists_ = std::move(united);
      if (!changed) return;
    }
  }

  void drop_subsets() {
    std::vector<Ids> sets, kept;
    for (const auto& list : lists_) {
      const std::set<int64_t> own(list.begin(), list.end());
      sets.emplace_back(own.begin(), own.end());
    }
    std::set<Ids> seen;
    for (std::size_t i = 0; i < sets.size(); ++i) {
      if (seen.contains(sets[i])) continue;
      bool subset = false;
      for (std::size_t j = 0; j < sets.size() && !subset; ++j)
        subset = sets[j].size() > sets[i].size() &&
                 std::includes(sets[j].begin(), sets[j].end(), sets[i].begin(), sets[i].end());
      if (subset) continue;
      seen.insert(sets[i]);
      kept.push_back(sets[i]);
    }
    lists_ = std::move(kept);
  }

  /// Pairs of lists of near centres become one list each; a member of both counts twice.
  void concatenate_near() {
    std::vector<End> centres;
    for (const auto& list : lists_) centres.push_back(centre(list));
    std::vector<Ids> joined;
    std::vector<bool> used(lists_.size(), false);
    for (std::size_t row = 0; row < lists_.size(); ++row) {
      for (std::size_t column = 0; column < row; ++column) {
        if (!(distance(centres[row], centres[column]) < threshold_)) continue;
        auto list = lists_[row];
        list.insert(list.end(), lists_[column].begin(), lists_[column].end());
        joined.push_back(std::move(list));
        used[row] = used[column] = true;
      }
    }
    for (std::size_t i = 0; i < lists_.size(); ++i) {
      if (!used[i]) joined.push_back(std::move(lists_[i]));
    }
    if (joined.size() > 4 * used.size() + 4) fail<DataError>("the ends of edges lie too near to one another");
    lists_ = std::move(joined);
  }

  /// Lists that share an end become one, at the end of the lists, each end once.
  void unite_shared() {
    for (int64_t id = 0; id < static_cast<int64_t>(ends_.size());) {
      std::vector<Ids> others;
      Ids merged;
      int64_t holders = 0;
      for (const auto& list : lists_) {
        if (std::find(list.begin(), list.end(), id) == list.end()) {
          others.push_back(list);
          continue;
        }
        ++holders;
        for (const int64_t member : list) {
          if (std::find(merged.begin(), merged.end(), member) == merged.end()) merged.push_back(member);
        }
      }
      if (holders < 2) {
        ++id;
        continue;
      }
      others.push_back(std::move(merged));
      lists_ = std::move(others);
      id = 0;
    }
  }

  const std::vector<End>& ends_;
  const Ids& first_;
  double threshold_;
  std::vector<std::vector<Ids>> of_face_;
  std::vector<Ids> lists_;
};

}  // namespace

VertexClusters vertex_clusters(const std::vector<End>& ends, const Ids& first_coedge, double threshold) {
  return Clusters(ends, first_coedge, threshold).merged();
}

}  // namespace arzoo::shape3d
