#include "tasks/precision_choice.h"

#include "registry/precision.h"
#include "support/tasks.h"
#include "tasks/kernel_rates.h"

using namespace arzoo;
using runtime::PrecisionLoss;
using tasks::KernelRates;
using test::TempDir;

namespace {

const KernelRates kFastBf16{{100, 1}, {250, 2}, {200, 1.5}, 100, 100};
const KernelRates kFastInt8{{100, 1}, {50, 0.5}, {300, 4}, 100, 100};

/// "bf16", "fp32 int8": what stands for what was asked.
std::string chosen(const std::string& dtype, const std::string& quantize,
                   const std::optional<PrecisionLoss>& loss, const KernelRates& rates,
                   bool training = false) {
  plan::ComputeOptions compute;
  compute.device = "cpu";
  compute.dtype = dtype;
  compute.quantize = quantize;
  const auto choice = tasks::choose_precision(compute, {"model", training}, loss, rates);
  return choice.quantize.empty() ? choice.dtype : choice.dtype + " " + choice.quantize;
}

}  // namespace

TEST_CASE("auto takes the fastest precision whose loss was measured as one percent at most") {
  const PrecisionLoss good{"model", 0.001, 0.002, 0.001};
  CHECK(chosen("auto", "", good, kFastBf16) == "bf16");
  CHECK(chosen("auto", "", good, kFastInt8) == "fp32");
  CHECK(chosen("fp32", "auto", good, kFastInt8) == "fp32 int8");
  CHECK(chosen("auto", "auto", good, kFastInt8) == "fp32 int8");
  CHECK(chosen("auto", "auto", good, kFastBf16) == "bf16");
  CHECK(chosen("auto", "", good, kFastBf16, true) == "bf16");
}

TEST_CASE("auto stays exact where the loss is larger or unknown, or nothing is gained") {
  CHECK(chosen("auto", "auto", std::nullopt, kFastBf16) == "fp32");
  CHECK(chosen("auto", "auto", PrecisionLoss{"model", 0.011, 0.02}, kFastBf16) == "fp32");
  CHECK(chosen("auto", "", PrecisionLoss{"model", 0.0, 0.0}, kFastBf16, true) == "fp32");  // of training
  CHECK(chosen("auto", "auto", PrecisionLoss{"model", 0.0, 0.0}, {{100, 1}, {105, 1}, {90, 1}, 1, 1}) ==
        "fp32");
  CHECK(chosen("bf16", "auto", PrecisionLoss{"model", 0.006, 0.006}, kFastInt8) == "bf16");
}

TEST_CASE("what is not auto stays as it was asked for, and auto says why") {
  CHECK(chosen("bf16", "auto", std::nullopt, kFastInt8) == "bf16");
  plan::ComputeOptions compute;
  compute.device = "cpu";
  compute.dtype = "auto";
  const auto choice = tasks::choose_precision(compute, {"x"}, PrecisionLoss{"x", 0.001, {}}, kFastBf16);
  CHECK(choice.why ==
        "precision of x: bf16 (0.10 % loss, 2.24 times the rate of fp32), not fp32 (0.00 % loss, 1.00 times "
        "the "
        "rate)");
}

TEST_CASE("rates are measured once, and auto is settled by them with a line for --verbose") {
  const TempDir temp;
  plan::ComputeOptions compute;
  compute.device = "cpu";
  compute.dtype = compute.quantize = "auto";
  compute.cache = temp.path();
  RecordingProgress progress;
  tasks::settle_precision(compute, {"itransformer"}, progress);
  CHECK_FALSE(tasks::is_automatic(compute));
  const auto rates = tasks::kernel_rates(temp.path());
  CHECK(rates.fp32.many > 0.0);
  CHECK(tasks::kernel_rates(temp.path()).int8.one == rates.int8.one);
  compute.dtype = "auto";
  tasks::settle_precision(compute, {""}, progress);
  CHECK(compute.dtype == "fp32");
}

TEST_CASE("the model of a folder is known by our config.json or by a published one") {
  const TempDir temp;
  CHECK(tasks::model_named_in(temp.path()).empty());
  temp.write("config.json", R"({"model_type": "time_moe"})");
  CHECK(tasks::model_named_in(temp.path()) == "time_moe");
  REQUIRE(registry::find_precision_loss("time_moe"));
  temp.write("config.json", R"({"family": "forecast", "model": {"name": "patchtst"}})");
  CHECK(tasks::model_named_in(temp.path()) == "patchtst");
  temp.write("config.json", GENERATE("{", "[]", R"({"model_type": 3})", R"({"family": 1, "model": 2})"));
  CHECK(tasks::model_named_in(temp.path()).empty());
}
