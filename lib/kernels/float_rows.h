#pragma once

#include <c10/util/BFloat16.h>

#include <vector>

#include "kernels/head_rows.h"

namespace arzoo::kernels {

/// Rows of numbers as fp32: the rows themselves, or a copy of rows in bf16. For kernels that compute in fp32
/// whatever they read.
class FloatRows {
 public:
  explicit FloatRows(int64_t width) : width_(width) {}

  /// `rows` adjacent rows of the width given.
  const float* read(const float* from, int64_t) { return from; }
  const float* read(const at::BFloat16* from, int64_t rows) {
    copy_.resize(rows * width_);
    copy_rows(from, {rows, width_, width_}, 1.0F, copy_.data(), width_);
    return copy_.data();
  }

 private:
  int64_t width_;
  std::vector<float> copy_;
};

/// Where a kernel puts adjacent rows of fp32, and how they reach a result of either type.
class RowSink {
 public:
  explicit RowSink(int64_t width) : width_(width) {}

  float* room(float* to, int64_t) { return to; }
  float* room(at::BFloat16*, int64_t rows) {
    rows_.resize(rows * width_);
    return rows_.data();
  }
  void done(float*, int64_t) {}
  void done(at::BFloat16* to, int64_t rows) { store_rows(rows_.data(), width_, {rows, width_, width_}, to); }

 private:
  int64_t width_;
  std::vector<float> rows_;
};

}  // namespace arzoo::kernels
