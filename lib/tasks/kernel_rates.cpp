#include "tasks/kernel_rates.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>

#include "core/measured_cache.h"
#include "kernels/int8.h"
#include "kernels/linear.h"
#include "runtime/processor_rates.h"

namespace arzoo::tasks {
namespace {

constexpr int64_t kManyRows = 128, kManyWidth = 512, kOneWidth = 2048;
constexpr double kEnoughSeconds = 0.012;
constexpr int kMostProducts = 20;

struct NamedRate {
  const char* name;
  double& (*of)(KernelRates& rates);
};

// As they are called in the cache.
const std::array kRates = {
    NamedRate{"fp32", [](KernelRates& r) -> double& { return r.fp32.many; }},
    NamedRate{"fp32 one row", [](KernelRates& r) -> double& { return r.fp32.one; }},
    NamedRate{"bf16", [](KernelRates& r) -> double& { return r.bf16.many; }},
    NamedRate{"bf16 one row", [](KernelRates& r) -> double& { return r.bf16.one; }},
    NamedRate{"int8", [](KernelRates& r) -> double& { return r.int8.many; }},
    NamedRate{"int8 one row", [](KernelRates& r) -> double& { return r.int8.one; }},
    NamedRate{"fp32 LibTorch", [](KernelRates& r) -> double& { return r.libtorch_fp32; }},
    NamedRate{"int8 LibTorch", [](KernelRates& r) -> double& { return r.libtorch_int8; }},
};

/// GFLOP/s of the fastest of several calls, after one that is not timed.
template <class Product>
double best_rate(double flop, const Product& product) {
  using Clock = std::chrono::steady_clock;
  product();
  double best = std::numeric_limits<double>::infinity(), spent = 0.0;
  for (int i = 0; i < kMostProducts && (i == 0 || spent < kEnoughSeconds); ++i) {
    const auto start = Clock::now();
    product();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    spent += seconds;
  }
  return flop / std::max(best, 1e-9) / 1e9;
}

/// A map's operands, in fp32.
struct Operands {
  Operands(int64_t rows, int64_t width) {
    // A generator of its own: measuring must not move the seeded one.
    auto generator = at::detail::createCPUGenerator(1);
    x = at::randn({rows, width}, generator);
    weight = at::randn({width, width}, generator);
    flop = 2.0 * static_cast<double>(rows * width * width);
  }
  at::Tensor x, weight;
  double flop = 0.0;
};

/// Rates of one size into the member `size` of each type's.
void measure(KernelRates& rates, const Operands& operands, double LinearRates::*size) {
  const auto rate = [&](const at::Tensor& x, const at::Tensor& weight) {
    return best_rate(operands.flop, [&] { kernels::linear(x, weight, {}); });
  };
  rates.fp32.*size = rate(operands.x, operands.weight);
  rates.bf16.*size = rate(operands.x.to(at::kBFloat16), operands.weight.to(at::kBFloat16));
  rates.int8.*size = rate(operands.x, kernels::int8_weight(operands.weight));
}

KernelRates measured() {
  const at::NoGradGuard inference;
  KernelRates rates;
  const Operands many(kManyRows, kManyWidth);
  measure(rates, many, &LinearRates::many);
  measure(rates, Operands(1, kOneWidth), &LinearRates::one);
  rates.libtorch_fp32 = best_rate(many.flop, [&] { at::linear(many.x, many.weight); });
  const auto x = kernels::quantize_rows(many.x).values, weight = kernels::quantize_rows(many.weight).values;
  rates.libtorch_int8 = best_rate(many.flop, [&] { at::_int_mm(x, weight.t()); });
  return rates;
}

}  // namespace

double LinearRates::gain_over(const LinearRates& other) const {
  return std::sqrt(many / other.many * (one / other.one));
}

KernelRates kernel_rates(const std::filesystem::path& cache_folder) {
  std::vector<std::string> names;
  for (const auto& rate : kRates) names.emplace_back(rate.name);
  const auto numbers =
      measured_once({cache_folder, "kernel_rates.json"}, runtime::measured_processor(), names, [] {
        auto rates = measured();
        MeasuredNumbers all;
        for (const auto& rate : kRates) all.emplace_back(rate.name, rate.of(rates));
        return all;
      });
  KernelRates rates;
  for (std::size_t i = 0; i < kRates.size(); ++i) kRates[i].of(rates) = numbers[i].second;
  return rates;
}

}  // namespace arzoo::tasks
