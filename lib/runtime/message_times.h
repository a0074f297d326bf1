#pragma once

#include <algorithm>
#include <cstdint>

namespace arzoo::runtime {

/// When a training step of several processes computes and when its messages travel, in seconds since its
/// backward pass began: the mean of the steps that were timed.
struct MessageTimes {
  double backward_end = 0.0;  ///< of the computation
  double begin = 0.0;         ///< the first gradients leave
  double end = 0.0;           ///< the last ones have come
  int64_t steps = 0;          ///< how many were timed

  void add(double of_backward_end, double of_begin, double of_end) {
    ++steps;
    const auto all = static_cast<double>(steps);
    backward_end += (of_backward_end - backward_end) / all;
    begin += (of_begin - begin) / all;
    end += (of_end - end) / all;
  }
  /// The share of the messages' time in which backward computes.
  double hidden() const {
    return end > begin ? std::clamp((backward_end - begin) / (end - begin), 0.0, 1.0) : 1.0;
  }
};

}  // namespace arzoo::runtime
