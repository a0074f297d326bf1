#include "speech/audio/recording.h"

#include <unistd.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "support/test.h"
#include "support/wav.h"

using namespace arzoo;
using namespace arzoo::speech;
using test::TempDir;
using test::wav_bytes;
using test::wav_floats;
using test::wav_samples;
using test::WavHeader;

namespace {

std::vector<float> read(const std::string& bytes, int rate) {
  return read_all(*open_recording(bytes, "a.wav", rate), "a.wav", 1U << 24U);
}

std::vector<double> tone(int rate, double seconds, double frequency) {
  std::vector<double> samples(static_cast<std::size_t>(rate * seconds));
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = 0.5 * std::sin(6.283185307 * frequency * static_cast<double>(i) / rate);
  return samples;
}

/// Crossings of zero upwards a second.
double frequency_of(const std::vector<float>& samples, int rate) {
  int64_t count = 0;
  for (std::size_t i = 1; i < samples.size(); ++i)
    count += samples[i - 1] < 0.0F && samples[i] >= 0.0F ? 1 : 0;
  return static_cast<double>(count) * rate / static_cast<double>(samples.size());
}

class Numbers : public Samples {
 public:
  explicit Numbers(std::vector<float> all) : all_(std::move(all)) {}
  std::size_t read(float* to, std::size_t most) override {
    const auto count = std::min({most, all_.size() - at_, std::size_t{700}});
    std::copy_n(all_.begin() + static_cast<std::ptrdiff_t>(at_), count, to);
    at_ += count;
    return count;
  }

 private:
  std::vector<float> all_;
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("samples of 8 to 32 bits and floats are read alike") {
  const std::vector<double> samples{0.0, 0.25, -0.5, 0.75};
  for (const int bits : {8, 16, 24, 32}) {
    INFO(bits);
    const auto read_back =
        read(wav_bytes({.bits = static_cast<uint16_t>(bits)}, wav_samples(samples, bits)), 16000);
    REQUIRE(read_back.size() == samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) CHECK(read_back[i] == Approx(samples[i]).margin(1e-6));
  }
  CHECK(read(wav_bytes({.bits = 32, .format = 3}, wav_floats({0.25F, -0.5F})), 16000) ==
        std::vector<float>{0.25F, -0.5F});
}

TEST_CASE("channels are averaged, up to 64 of them") {
  CHECK(read(wav_bytes({.channels = 2}, wav_samples({0.5, -0.25, 1.0 / 4, 1.0 / 4}, 16)), 16000) ==
        std::vector<float>{0.125F, 0.25F});
  std::vector<double> frame(64, 0.5);
  CHECK(read(wav_bytes({.channels = 64}, wav_samples(frame, 16)), 16000) == std::vector<float>{0.5F});
  frame.push_back(0.5);
  CHECK_THROWS_WITH(read(wav_bytes({.channels = 65}, wav_samples(frame, 16)), 16000),
                    ContainsSubstring("a.wav: 65 channels, expected 1 to 64"));
}

TEST_CASE("a tone keeps its pitch and length at another rate") {
  for (const int rate : {8000, 44100, 768000}) {
    INFO(rate);
    const auto samples = read(
        wav_bytes({.rate = static_cast<uint32_t>(rate)}, wav_samples(tone(rate, 0.5, 440.0), 16)), 16000);
    CHECK(static_cast<double>(samples.size()) == Approx(8000).margin(4));
    CHECK(frequency_of(samples, 16000) == Approx(440).margin(3));
  }
}

TEST_CASE("what is no recording is refused by name") {
  CHECK_THROWS_WITH(read("", 16000), ContainsSubstring("a.wav: an empty file, expected WAV or FLAC"));
  CHECK_THROWS_WITH(read("ID3 music", 16000),
                    ContainsSubstring("a.wav: no WAV or FLAC file (it begins with neither"));
  const auto whole = wav_bytes({}, wav_samples({0.5, 0.5}, 16));
  CHECK_THROWS_WITH(read(whole.substr(0, 20), 16000), ContainsSubstring("a.wav: "));
  CHECK_THROWS_WITH(read(wav_bytes({}, ""), 16000), ContainsSubstring("a.wav: holds no samples"));
  CHECK_THROWS_WITH(read(wav_bytes({.rate = 1}, wav_samples({0.5, 0.5}, 16)), 16000),
                    ContainsSubstring("a.wav: 1 samples a second, expected 1000 to 768000"));
  const float none = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(read(wav_bytes({.bits = 32, .format = 3}, wav_floats({0.0F, none})), 16000),
                    ContainsSubstring("a.wav: sample 1 is not finite"));
  CHECK_THROWS_WITH(read("fLaC and nothing else", 16000),
                    ContainsSubstring("a.wav: no readable WAV or FLAC file"));
  CHECK_THROWS_AS(open_recording(std::filesystem::path("missing.wav"), 16000), DataError);
}

TEST_CASE("a header that promises more than there is gives what there is") {
  CHECK(read(wav_bytes({}, wav_samples({0.5, -0.5}, 16), 2000000000), 16000).size() == 2);
}

TEST_CASE("raw PCM is read from a descriptor") {
  int ends[2] = {};
  REQUIRE(pipe(ends) == 0);
  const auto bytes = wav_samples({0.5, -0.25, 0.25, 0.75}, 16);
  REQUIRE(write(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  close(ends[1]);
  CHECK(read_all(*open_pcm(ends[0], "stdin", 16000, 2, 16000), "stdin", 100) ==
        std::vector<float>{0.125F, 0.5F});
  close(ends[0]);
}

TEST_CASE("a recording is cut into pieces at the quietest place, and nothing is lost") {
  std::vector<float> all(4000, 0.5F);
  std::fill(all.begin() + 1700, all.begin() + 1850, 0.0F);
  Numbers numbers(all);
  Cutter cutter(numbers, 1000, 2.0);
  std::vector<float> joined;
  std::vector<int64_t> begins;
  for (Piece piece; cutter.next(piece);) {
    CHECK(piece.begin == static_cast<int64_t>(joined.size()));
    CHECK(piece.samples.size() <= 2000);
    begins.push_back(piece.begin);
    joined.insert(joined.end(), piece.samples.begin(), piece.samples.end());
  }
  CHECK(joined == all);
  REQUIRE(begins.size() >= 2);
  CHECK(begins[1] > 1700);
  CHECK(begins[1] < 1850);
}

TEST_CASE("a WAV file that was written is read back") {
  const TempDir temp;
  write_wav(temp / "b.wav", {0.0F, 0.5F, -1.0F}, 8000);
  RecordingInfo info;
  const auto samples = read_all(*open_recording(temp / "b.wav", 8000, &info), "b.wav", 10);
  CHECK(samples == std::vector<float>{0.0F, 0.5F, -1.0F});
  CHECK(info.rate == 8000);
  CHECK(info.channels == 1);
  CHECK(info.format == "WAV");
}
