#include "runtime/processor_rates.h"

#include <torch/torch.h>
#include <torch/version.h>

#include "core/atomic_file.h"
#include "core/config.h"
#include "core/proc_value.h"
#include "runtime/gemm_peak.h"

namespace arzoo::runtime {
namespace {

namespace fs = std::filesystem;

// Large enough for a processor's full rate, small enough for milliseconds where bf16 is emulated.
constexpr int64_t kProductSize = 256;
constexpr double kEnoughSeconds = 0.02;

/// "AMD EPYC 9R14, AVX512, LibTorch 2.11.0"
std::string processor_name() {
  return fmt::format("{}, {}, LibTorch {}", proc_value("/proc/cpuinfo", "model name"),
                     at::get_cpu_capability(), TORCH_VERSION);
}

/// All processors that share the cache, as in a home folder on a network.
Json stored_rates(const fs::path& file) {
  std::error_code none;
  if (!fs::is_regular_file(file, none)) return Json::object();
  try {
    const auto stored = Config::load(file);
    return stored.json();
  } catch (const Error&) {
    return Json::object();
  }
}

std::optional<ProcessorRates> rates_of(const Json& stored, const std::string& processor) {
  if (!stored.contains(processor) || !stored[processor].is_object()) return std::nullopt;
  const auto& entry = stored[processor];
  const auto rate = [&](const char* precision) {
    return entry.contains(precision) && entry[precision].is_number() ? entry[precision].get<double>() : 0.0;
  };
  const ProcessorRates rates{rate("fp32"), rate("bf16")};
  return rates.fp32 > 0.0 && rates.bf16 > 0.0 ? std::optional(rates) : std::nullopt;
}

void store(const fs::path& folder, const fs::path& file, const Json& rates) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return;
  try {
    write_atomically(file, dump_json(rates, 2) + "\n");
  } catch (const Error&) {
    return;  // measured again the next time
  }
}

}  // namespace

ProcessorRates processor_rates(const fs::path& cache_folder) {
  const auto processor = processor_name();
  const auto file = cache_folder / "processor_rates.json";
  auto stored = cache_folder.empty() ? Json::object() : stored_rates(file);
  if (const auto known = rates_of(stored, processor)) return *known;
  const auto rate = [](at::ScalarType type) {
    return gemm_peak({at::kCPU, type}, kProductSize, kEnoughSeconds);
  };
  const ProcessorRates rates{rate(at::kFloat), rate(at::kBFloat16)};
  if (!cache_folder.empty()) {
    stored[processor] = {{"fp32", rates.fp32}, {"bf16", rates.bf16}};
    store(cache_folder, file, stored);
  }
  return rates;
}

}  // namespace arzoo::runtime
