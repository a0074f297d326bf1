#include "core/processor_name.h"

#include <sstream>

#include "support/test.h"

using namespace arzoo;

namespace {

std::string name_in(const std::string& text) {
  std::istringstream in(text);
  return processor_name(in);
}

}  // namespace

TEST_CASE("processors of one name are told apart by model and instruction sets") {
  const std::string zen = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n";
  CHECK(name_in(zen + "flags\t\t: fpu avx avx2 avx512f avx512_bf16 avx512_vnni\n\nmodel name\t: other\n") ==
        "AMD EPYC, family 25 model 17, avx2 avx512f avx512_bf16 avx512_vnni");
  CHECK(name_in(zen + "flags\t\t: fpu avx avx2x\n") == "AMD EPYC, family 25 model 17");
  CHECK(name_in("CPU implementer\t: 0x41\nFeatures\t: fp asimd asimddp i8mm\nCPU part\t: 0xd40\n") ==
        "0x41 model 0xd40, asimddp i8mm");
}

TEST_CASE("a processor without a name has one") {
  CHECK(name_in("") == "unknown processor");
  CHECK(name_in(":\n : \nx\n:y\n") == "unknown processor");
  CHECK(name_in("model name : " + std::string(10000, 'x')).size() < 100);
  CHECK_FALSE(processor_name().empty());
}
