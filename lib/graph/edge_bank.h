#pragma once

#include <cstdint>
#include <unordered_map>

namespace arzoo::graph {

/// EdgeBank (Poursafaei et al., NeurIPS 2022), a memory in the place of a model: a link is expected where
/// there has been one, ever or within the last seconds.
class EdgeBank {
 public:
  /// window: seconds that a pair is remembered for; 0: for ever.
  explicit EdgeBank(double window = 0.0) : window_(window) {}

  void add(int64_t source, int64_t target, double time) { last_[key(source, target)] = time; }
  /// 1 for a pair that is remembered at `time`, else 0.
  double score(int64_t source, int64_t target, double time) const {
    const auto found = last_.find(key(source, target));
    return found != last_.end() && (window_ <= 0.0 || time - found->second <= window_) ? 1.0 : 0.0;
  }
  std::size_t size() const { return last_.size(); }

 private:
  /// A bijection of pairs, so that consecutive numbers spread (SplitMix64's last step).
  static uint64_t key(int64_t source, int64_t target) {
    uint64_t x = (static_cast<uint64_t>(source) << 32) | static_cast<uint64_t>(target);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
  }

  double window_;
  std::unordered_map<uint64_t, double> last_;
};

}  // namespace arzoo::graph
