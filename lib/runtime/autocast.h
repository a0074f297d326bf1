#pragma once

#include <ATen/autocast_mode.h>

namespace arzoo::runtime {

/// Matrix products in `dtype` and the rest in fp32 while it lives (mixed-precision training); nothing for
/// fp32.
class Autocast {
 public:
  Autocast(at::DeviceType device, at::ScalarType dtype) : device_(device), active_(dtype != at::kFloat) {
    if (!active_) return;
    at::autocast::set_autocast_dtype(device_, dtype);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!active_) return;
    at::autocast::set_autocast_enabled(device_, false);
    at::autocast::decrement_nesting();
    at::autocast::clear_cache();
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool active_;
};

/// Everything in the types that it has while it lives: for parts that mixed precision would spoil.
class WithoutAutocast {
 public:
  explicit WithoutAutocast(at::DeviceType device)
      : device_(device), before_(at::autocast::is_autocast_enabled(device)) {
    at::autocast::set_autocast_enabled(device_, false);
  }
  ~WithoutAutocast() { at::autocast::set_autocast_enabled(device_, before_); }
  WithoutAutocast(const WithoutAutocast&) = delete;
  WithoutAutocast& operator=(const WithoutAutocast&) = delete;

 private:
  at::DeviceType device_;
  bool before_;
};

}  // namespace arzoo::runtime
