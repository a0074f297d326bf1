#include "core/name_pattern.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("a pattern means a name, the modules above it, and what its stars stand for") {
  const auto [pattern, name, meant] = GENERATE(table<const char*, const char*, bool>({
      {"head.weight", "head.weight", true},
      {"head", "head.weight", true},
      {"encoder", "encoder.norm.weight", true},
      {"encoder.norm", "encoder.norm.weight", true},
      {"encoder", "encoders.0.weight", false},
      {"encode", "encoder.weight", false},
      {"norm", "encoder.norm.weight", false},
      {"encoders.*.forecast_head", "encoders.0.forecast_head.weight", true},
      {"encoders.*.forecast_head", "encoders.12.forecast_head.bias", true},
      {"encoders.*.forecast_head", "encoders.0.encoder.norm.bias", false},
      {"*.bias", "encoder.norm.bias", true},
      {"*.bias", "encoder.norm.weight", false},
      {"*", "anything.at.all", true},
      {"a*b*c", "a.xx.b.yy.c", true},
      {"a*b*c", "a.xx.c.yy.b", false},
      {"a*a", "a", false},
      {"**", "x", true},
      {"", "x", false},
      {"head.weight.more", "head.weight", false},
  }));
  INFO(pattern << " and " << name);
  CHECK(means_name(pattern, name) == meant);
}

TEST_CASE("a pattern of many stars on a long name is answered at once") {
  std::string pattern, name(100'000, 'a');
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  CHECK(means_name(pattern, name));
  CHECK_FALSE(means_name(pattern + "b", name));
}
