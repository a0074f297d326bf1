// Headers and samples of WAV and FLAC files: read at their own rate and at another, in pieces.

#include "speech/audio/recording.h"

#include "fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace arzoo;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const int rate : {8000, 16000}) {
    fuzz::refuse_or_accept([&] {
      constexpr std::int64_t kMost = 1 << 22;
      speech::RecordingInfo info;
      const auto samples = speech::open_recording(bytes, "input", rate, &info);
      speech::Cutter cutter(*samples, rate, 2.0);
      std::int64_t read = 0;
      for (speech::Piece piece; read < kMost && cutter.next(piece);) {
        if (piece.begin != read || piece.samples.empty()) std::abort();
        read += static_cast<std::int64_t>(piece.samples.size());
        for (const float sample : piece.samples) {
          if (!(sample - sample == 0.0F)) std::abort();  // not finite
        }
      }
    });
  }
  return 0;
}
