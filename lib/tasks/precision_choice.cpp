#include "tasks/precision_choice.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/cuda_driver.h"
#include "core/run_dir.h"
#include "registry/precision.h"
#include "runtime/device.h"
#include "tasks/kernel_rates.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAuto = "auto";
constexpr double kMostLoss = 0.01;
// By less than this a faster type gains nothing in a model, whose products are not all of its time.
constexpr double kWorthwhileGain = 1.1;

/// One precision that may be taken.
struct Candidate {
  std::string dtype, quantize;
  std::optional<double> loss;  ///< nothing: not measured
  double gain = 1.0;           ///< of its products over those in fp32

  std::string name() const {
    if (quantize.empty()) return dtype;
    return dtype == "fp32" ? quantize : quantize + " with " + dtype;
  }
};

std::optional<double> sum(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b ? std::optional(*a + *b) : std::nullopt;
}

std::optional<double> loss_of(const std::string& dtype, const std::string& quantize, bool training,
                              const std::optional<runtime::PrecisionLoss>& loss) {
  std::optional<double> total = 0.0;
  if (dtype == "fp16") return std::nullopt;
  if (dtype == "bf16") total = !loss ? std::nullopt : training ? loss->bf16_training : loss->bf16;
  if (!quantize.empty()) total = sum(total, loss ? loss->int8 : std::nullopt);
  return total;
}

/// What is left open, first what is exact.
std::vector<Candidate> candidates(const plan::ComputeOptions& compute, const PrecisionSubject& subject,
                                  const std::optional<runtime::PrecisionLoss>& loss,
                                  const KernelRates& rates) {
  const bool cuda = wants_cuda(compute.device);
  std::vector<std::string> dtypes{compute.dtype}, forms{compute.quantize};
  if (compute.dtype == kAuto) dtypes = {"fp32", "bf16"};
  if (compute.quantize == kAuto) forms = {""};
  if (compute.quantize == kAuto && !cuda && !subject.training) forms.emplace_back("int8");
  std::vector<Candidate> all;
  for (const auto& dtype : dtypes) {
    for (const auto& form : forms) {
      Candidate one{dtype, form, loss_of(dtype, form, subject.training, loss)};
      if (!form.empty()) one.gain = rates.int8.gain_over(rates.fp32);
      if (form.empty() && dtype == "bf16")
        one.gain = cuda ? 2.0 : rates.bf16.gain_over(rates.fp32);  // a GPU that has bf16 has it fast
      all.push_back(std::move(one));
    }
  }
  return all;
}

std::string percent(const std::optional<double>& loss) {
  return loss ? fmt::format("{:.2f} % loss", 100.0 * *loss) : "loss not measured";
}

std::string rates_text(const KernelRates& rates) {
  const auto both = [](const LinearRates& rate) {
    return fmt::format("{:.0f} and {:.1f}", rate.many, rate.one);
  };
  return fmt::format(
      "linear maps of 128 rows and of one run at {} GFLOP/s in fp32 (LibTorch's own {:.0f}), {} in bf16, {} "
      "in "
      "int8 (LibTorch's own {:.0f})",
      both(rates.fp32), rates.libtorch_fp32, both(rates.bf16), both(rates.int8), rates.libtorch_int8);
}

}  // namespace

bool is_automatic(const plan::ComputeOptions& compute) {
  return compute.dtype == kAuto || compute.quantize == kAuto;
}

PrecisionChoice choose_precision(const plan::ComputeOptions& compute, const PrecisionSubject& subject,
                                 const std::optional<runtime::PrecisionLoss>& loss,
                                 const KernelRates& rates) {
  const auto all = candidates(compute, subject, loss, rates);
  const Candidate* best = &all.front();
  std::vector<std::string> others;
  for (const auto& one : all) {
    const bool proven = one.loss && *one.loss <= kMostLoss;
    if (proven && one.gain >= kWorthwhileGain * best->gain) best = &one;
  }
  for (const auto& one : all) {
    if (&one != best)
      others.push_back(
          fmt::format("{} ({}, {:.2f} times the rate)", one.name(), percent(one.loss), one.gain));
  }
  auto why = fmt::format("precision of {}: {} ({}, {:.2f} times the rate of fp32)",
                         subject.model.empty() ? "an unknown model" : subject.model, best->name(),
                         percent(best->loss), best->gain);
  if (!others.empty()) why += fmt::format(", not {}", fmt::join(others, ", "));
  return {best->dtype, best->quantize, why};
}

void settle_precision(plan::ComputeOptions& compute, const PrecisionSubject& subject, Progress& progress) {
  if (!is_automatic(compute)) return;
  runtime::set_threads(compute.threads);
  const bool cuda = wants_cuda(compute.device);
  const auto rates = cuda ? KernelRates{{1, 1}, {1, 1}, {1, 1}} : kernel_rates(compute.cache);
  const auto choice = choose_precision(compute, subject, registry::find_precision_loss(subject.model), rates);
  if (!cuda) progress.detail(rates_text(rates));
  progress.detail(choice.why);
  compute.dtype = choice.dtype;
  compute.quantize = choice.quantize;
}

std::string model_named_in(const fs::path& path) {
  const auto file = model_place(path) / "config.json";
  std::error_code none;
  if (path.empty() || !fs::is_regular_file(file, none)) return "";
  try {
    const auto config = Config::load(file);
    if (config.has("family") && config.has("model")) return config.at("model").text("name");
    return config.has("model_type") ? config.text("model_type") : "";
  } catch (const Error&) {
    return "";  // the command says what is wrong with it
  }
}

}  // namespace arzoo::tasks
