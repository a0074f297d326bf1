// arzoo forecast --stream: lines of stdin for a model that is loaded once.

#include <iostream>
#include <sstream>

#include "fuzz/commands/small_model.h"
#include "plan/stream_request.h"

namespace {

using namespace arzoo;

/// Where answers go.
class NullBuffer : public std::streambuf {
  int overflow(int c) override { return traits_type::not_eof(c); }
  std::streamsize xsputn(const char*, std::streamsize size) override { return size; }
};

class StreamTarget : public fuzz::CommandTarget {
 public:
  StreamTarget() {
    std::ios::sync_with_stdio(false);  // else it would give std::cin its own buffer back later
    out_ = std::cout.rdbuf(&null_);
    fuzz::write_small_model(folder() / "model", "itransformer");
    auto task = fuzz::forecast_task(folder() / "model");
    task.levels = {80};
    answer_ = fuzz::open_stream(task);
    measure([this](Progress&) { answer_lines(sample()); });
  }
  ~StreamTarget() { std::cout.rdbuf(out_); }

  void operator()(const std::string& lines) const {
    run(lines.size(), [&](Progress&) { answer_lines(lines); });
  }

 private:
  static std::string sample() {
    std::string line = R"({"ds": "2020-01-04 08:00:00", "values": [[1, 2])";
    for (int i = 1; i < 24; ++i) line += ", [1.5, 2.5]";
    return line + "]}\n";
  }
  void answer_lines(const std::string& lines) const {
    std::istringstream in(lines);
    auto* const before = std::cin.rdbuf(in.rdbuf());
    std::cin.clear();
    answer_();
    std::cin.rdbuf(before);
  }

  NullBuffer null_;
  std::streambuf* out_ = nullptr;
  std::function<void()> answer_;
};

/// Whether a line wants a forecast of many steps, whose memory and time are that request's own.
bool wants_much(const std::string& lines) {
  constexpr std::int64_t kMany = 500;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    if (line.find("\"horizon\"") == line.npos) continue;
    try {
      if (plan::StreamRequest(line, fuzz::kSampleVariates.size()).horizon(1) > kMany) return true;
    } catch (const Error&) {
    }
  }
  return false;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const StreamTarget stream;
  const std::string lines(reinterpret_cast<const char*>(data), size);
  if (wants_much(lines)) return 0;
  stream(lines);
  return 0;
}
