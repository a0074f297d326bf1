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
  const auto file = folder / "processor_rates.json";
  Json stored = Json::parse(test::read_file(file));
  REQUIRE(stored.size() == 1);
  CHECK_THAT(stored.begin().key(), ContainsSubstring("LibTorch 2."));
  CHECK(stored.begin().value()["fp32"] == measured.fp32);
  stored.begin().value() = {{"fp32", 200.0}, {"bf16", 100.0}};
  temp.write("cache/arzoo/processor_rates.json", stored.dump());
  CHECK(processor_rates(folder).bf16 == 100.0);
  CHECK(processor_rates(folder).bf16_is_slow());
}

TEST_CASE("other processors' rates in a shared cache are left alone") {
  const TempDir temp;
  temp.write("processor_rates.json", R"({"another": {"fp32": 1.0, "bf16": 2.0}})");
  processor_rates(temp.path());
  const auto stored = Json::parse(test::read_file(temp / "processor_rates.json"));
  CHECK(stored.size() == 2);
  CHECK(stored["another"]["bf16"] == 2.0);
}

TEST_CASE("a cache that cannot be read is replaced, one that cannot be written is done without") {
  const TempDir temp;
  const auto file = temp.write("processor_rates.json", GENERATE("", "{", "[1]", "\x80"));
  CHECK(processor_rates(temp.path()).fp32 > 0.0);
  CHECK(Json::parse(test::read_file(file)).size() == 1);
  CHECK(processor_rates(file).fp32 > 0.0);  // a file where the folder should be
  CHECK(processor_rates("").fp32 > 0.0);
}

TEST_CASE("bf16 is slow when it is behind fp32 by more than a measurement scatters") {
  CHECK(ProcessorRates{295.0, 148.0}.bf16_is_slow());
  CHECK_FALSE(ProcessorRates{100.0, 95.0}.bf16_is_slow());
  CHECK_FALSE(ProcessorRates{100.0, 400.0}.bf16_is_slow());
}
