#include "runtime/device.h"

#include "core/error.h"
#include "runtime/autocast.h"
#include "support/test.h"

using namespace arzoo;
using runtime::select_compute;

TEST_CASE("a device and a precision are chosen by name") {
  const auto [name, dtype] = GENERATE(table<std::string, at::ScalarType>(
      {{"fp32", at::kFloat}, {"bf16", at::kBFloat16}, {"fp16", at::kHalf}}));
  const auto compute = select_compute("cpu", name);
  CHECK(compute.device.is_cpu());
  CHECK(compute.dtype == dtype);
}

TEST_CASE("a name that is none of them is refused with what was expected") {
  CHECK_THROWS_WITH(select_compute("gpu", "fp32"), "--device gpu: expected auto, cpu, cuda or cuda:INDEX");
  CHECK_THROWS_WITH(select_compute("cpu", "fp64"), "--dtype fp64: expected fp32, bf16 or fp16");
  const auto malformed =
      GENERATE("cuda:", "cuda:x", "cuda:-1", "cuda:1 ", "cuda:99999999999", "cuda0", "CPU", "");
  CHECK_THROWS_AS(select_compute(malformed, "fp32"), UsageError);
}

TEST_CASE("8-bit inference is for a CPU, which auto then means") {
  CHECK(select_compute("cpu", "fp32", "int8").quantization == Quantization::int8);
  CHECK(select_compute("cpu", "fp32", "int4").quantization == Quantization::int4);
  CHECK(select_compute("auto", "fp32", "int8").device.is_cpu());
  CHECK_FALSE(select_compute("cpu", "fp32").quantizes());
  CHECK_THROWS_WITH(select_compute("cuda:0", "fp32", "int8"),
                    ContainsSubstring("on --device cuda:0 take --dtype bf16"));
  CHECK_THROWS_WITH(select_compute("cpu", "fp32", "int5"), "--quantize int5: expected int8 or int4");
}

TEST_CASE("one seed decides all random numbers") {
  runtime::seed(3);
  const auto first = at::randn({4});
  runtime::seed(3);
  CHECK(at::equal(at::randn({4}), first));
  runtime::seed(4);
  CHECK_FALSE(at::equal(at::randn({4}), first));
}

TEST_CASE("the generator goes on from a saved state") {
  at::randn({3});
  const auto state = runtime::random_state();
  const auto next = at::randn({5});
  runtime::seed(99);
  runtime::set_random_state(state);
  CHECK(at::equal(at::randn({5}), next));
}

TEST_CASE("autocast makes matrix products in its dtype while it lives") {
  const auto a = at::randn({4, 4});
  {
    const runtime::Autocast autocast(at::kCPU, at::kBFloat16);
    CHECK(a.matmul(a).scalar_type() == at::kBFloat16);
  }
  CHECK(a.matmul(a).scalar_type() == at::kFloat);
  const runtime::Autocast none(at::kCPU, at::kFloat);
  CHECK(a.matmul(a).scalar_type() == at::kFloat);
}
