#include "runtime/processor_rates.h"

#include "core/config.h"
#include "support/test.h"

using namespace arzoo;
using runtime::processor_rates;
using runtime::ProcessorRates;
using test::TempDir;

TEST_CASE("a processor is measured once; afterwards the cache's word counts") {
  const TempDir temp;
  const auto folder = temp / "cache/arzoo";
  const auto measured = processor_rates(folder);
  CHECK(measured.fp32 > 0.0);
  CHECK(measured.bf16 > 0.0);
  Json stored = Json::parse(test::read_file(folder / "processor_rates.json"));
  REQUIRE(stored["processors"].size() == 1);
  auto entry = stored["processors"].begin();
  CHECK_THAT(entry.key(), ContainsSubstring("LibTorch 2."));
  CHECK(entry.value()["fp32"] == measured.fp32);
  entry.value() = {{"fp32", 200.0}, {"bf16", 100.0}};
  temp.write("cache/arzoo/processor_rates.json", stored.dump());
  CHECK(processor_rates(folder).bf16 == 100.0);
  CHECK(processor_rates(folder).bf16_is_slow());
}

TEST_CASE("bf16 is slow when it is behind fp32 by more than a measurement scatters") {
  CHECK(ProcessorRates{295.0, 148.0}.bf16_is_slow());
  CHECK_FALSE(ProcessorRates{100.0, 95.0}.bf16_is_slow());
  CHECK_FALSE(ProcessorRates{100.0, 400.0}.bf16_is_slow());
}
