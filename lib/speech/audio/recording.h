#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// Recordings, read piece by piece: however long one is, it takes little memory. No torch in here.
namespace arzoo::speech {

/// Samples of one channel in [-1, 1] at one rate, from the beginning to the end.
class Samples {
 public:
  virtual ~Samples() = default;
  /// Up to `most` samples into `to`; 0 at the end. Throws DataError.
  virtual std::size_t read(float* to, std::size_t most) = 0;
};

/// What a recording is allowed to be.
inline constexpr int kFewestHertz = 1000, kMostHertz = 768000, kMostChannels = 64;

/// What a file's header says.
struct RecordingInfo {
  int rate = 0, channels = 0;
  int64_t frames = 0;  ///< of each channel, that the header promises and the file has room for
  std::string format;  ///< "WAV" or "FLAC"
};

/// A WAV (also WAVEX, RF64, W64) or FLAC file: its channels' mean, at `rate` samples a second. Throws
/// DataError for another format, a rate or number of channels out of the bounds above, and no samples.
std::unique_ptr<Samples> open_recording(const std::filesystem::path& path, int rate,
                                        RecordingInfo* info = nullptr);
/// The same of bytes in memory, which must outlive it; `name` stands for the file in messages.
std::unique_ptr<Samples> open_recording(std::string_view bytes, const std::string& name, int rate,
                                        RecordingInfo* info = nullptr);

/// Interleaved 16-bit little-endian PCM from a descriptor.
std::unique_ptr<Samples> open_pcm(int descriptor, const std::string& name, int from_rate, int channels,
                                  int rate);

/// All samples that are left. Throws DataError for more than `most`.
std::vector<float> read_all(Samples& samples, const std::string& name, std::size_t most);

/// Writes 16-bit WAV of one channel.
void write_wav(const std::filesystem::path& path, const std::vector<float>& samples, int rate);

/// Part of a recording that is recognised at once.
struct Piece {
  int64_t begin = 0;  ///< sample of the recording that it starts with
  std::vector<float> samples;
};

/// Cuts a recording into pieces of at most `longest` seconds, each at the quietest place of its last half.
class Cutter {
 public:
  Cutter(Samples& samples, int rate, double longest);
  /// The next piece; false at the end.
  bool next(Piece& piece);
  int64_t read() const { return begin_ + static_cast<int64_t>(held_.size()); }

 private:
  std::size_t quietest() const;

  Samples& samples_;
  std::size_t longest_, window_;
  std::vector<float> held_;
  int64_t begin_ = 0;
  bool ended_ = false;
};

}  // namespace arzoo::speech
