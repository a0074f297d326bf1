// Lines of forecast --stream, up to the model.

#include "plan/stream_request.h"

#include <sstream>

#include "core/line_reader.h"
#include "fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace arzoo;
  constexpr std::size_t kLongest = 4096, kVariates = 2;
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  std::string line;
  for (auto read = next_line(in, line, kLongest); read != LineRead::end;
       read = next_line(in, line, kLongest)) {
    if (line.size() > kLongest) std::abort();
    fuzz::refuse_or_accept([&] {
      plan::StreamRequest request(line, kVariates);
      const auto values = request.take_values();
      if (values.size() % kVariates != 0 || values.size() > line.size()) std::abort();
      if (request.horizon(1) < 1) std::abort();
      if (const auto stamp = request.last_stamp(values.size() / kVariates)) stamp->text();
    });
  }
  return 0;
}
