#include "speech/audio/recording.h"

#include <samplerate.h>
#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/input_file.h"

namespace arzoo::speech {
namespace {

constexpr std::size_t kBlock = 16384;  ///< samples of all channels that are read at once

/// What libsndfile reads from.
class Bytes {
 public:
  virtual ~Bytes() = default;
  virtual sf_count_t size() const = 0;
  virtual sf_count_t read_at(sf_count_t at, char* to, sf_count_t most) = 0;

  static SF_VIRTUAL_IO callbacks() {
    return {
        .get_filelen = [](void* own) { return static_cast<Bytes*>(own)->size(); },
        .seek = [](sf_count_t offset, int whence,
                   void* own) { return static_cast<Bytes*>(own)->seek(offset, whence); },
        .read = [](void* to, sf_count_t most, void* own) { return static_cast<Bytes*>(own)->read(to, most); },
        .write = [](const void*, sf_count_t, void*) -> sf_count_t { return 0; },
        .tell = [](void* own) { return static_cast<Bytes*>(own)->at_; }};
  }

 private:
  sf_count_t seek(sf_count_t offset, int whence) {
    const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? at_ : size();
    at_ = std::clamp<sf_count_t>(base + offset, 0, size());
    return at_;
  }
  sf_count_t read(void* to, sf_count_t most) {
    const auto count = read_at(at_, static_cast<char*>(to), std::min(most, size() - at_));
    at_ += count;
    return count;
  }

  sf_count_t at_ = 0;
};

class FileBytes : public Bytes {
 public:
  explicit FileBytes(const std::filesystem::path& path) : file_(InputFile::open<DataError>(path)) {}
  sf_count_t size() const override { return static_cast<sf_count_t>(file_.size()); }
  sf_count_t read_at(sf_count_t at, char* to, sf_count_t most) override {
    return std::max<sf_count_t>(
        0, ::pread(file_.descriptor(), to, static_cast<std::size_t>(std::max<sf_count_t>(0, most)), at));
  }

 private:
  InputFile file_;
};

class MemoryBytes : public Bytes {
 public:
  explicit MemoryBytes(std::string_view bytes) : bytes_(bytes) {}
  sf_count_t size() const override { return static_cast<sf_count_t>(bytes_.size()); }
  sf_count_t read_at(sf_count_t at, char* to, sf_count_t most) override {
    if (most <= 0) return 0;
    std::memcpy(to, bytes_.data() + at, static_cast<std::size_t>(most));
    return most;
  }

 private:
  std::string_view bytes_;
};

/// The mean of a frame's channels. Throws DataError for a sample that is not finite.
void mix(const std::vector<float>& frames, std::size_t count, std::size_t channels, int64_t first,
         const std::string& name, float* to) {
  for (std::size_t i = 0; i < count; ++i) {
    double sum = 0.0;
    for (std::size_t c = 0; c < channels; ++c) sum += frames[i * channels + c];
    if (!std::isfinite(sum))
      fail<DataError>("{}: sample {} is not finite", name, first + static_cast<int64_t>(i));
    to[i] = static_cast<float>(std::clamp(sum / static_cast<double>(channels), -8.0, 8.0));
  }
}

/// A WAV or FLAC file at its own rate.
class FileSamples : public Samples {
 public:
  FileSamples(std::unique_ptr<Bytes> bytes, std::string name)
      : bytes_(std::move(bytes)), name_(std::move(name)) {
    require_known_format();
    auto io = Bytes::callbacks();
    file_.reset(sf_open_virtual(&io, SFM_READ, &info_, bytes_.get()));
    if (file_ == nullptr) fail<DataError>("{}: no readable WAV or FLAC file ({})", name_, reason());
    const int kind = info_.format & SF_FORMAT_TYPEMASK;
    if (kind != SF_FORMAT_WAV && kind != SF_FORMAT_WAVEX && kind != SF_FORMAT_RF64 && kind != SF_FORMAT_W64 &&
        kind != SF_FORMAT_FLAC)
      fail<DataError>("{}: another kind of audio, expected WAV or FLAC", name_);
    if (info_.samplerate < kFewestHertz || info_.samplerate > kMostHertz)
      fail<DataError>("{}: {} samples a second, expected {} to {}", name_, info_.samplerate, kFewestHertz,
                      kMostHertz);
    if (info_.channels < 1 || info_.channels > kMostChannels)
      fail<DataError>("{}: {} channels, expected 1 to {}", name_, info_.channels, kMostChannels);
    if (info_.frames < 1) fail<DataError>("{}: holds no samples", name_);
    frames_.resize(std::max(kBlock, static_cast<std::size_t>(info_.channels)));
  }

  std::size_t read(float* to, std::size_t most) override {
    const auto channels = static_cast<std::size_t>(info_.channels);
    const auto wanted = std::min(most, frames_.size() / channels);
    const auto count = sf_readf_float(file_.get(), frames_.data(), static_cast<sf_count_t>(wanted));
    if (count < 0 || (count == 0 && read_ == 0))
      fail<DataError>("{}: its samples cannot be read ({})", name_, reason());
    if (count == 0 && read_ < info_.frames && (info_.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC)
      fail<DataError>("{}: breaks off after {} of {} samples", name_, read_, info_.frames);
    mix(frames_, static_cast<std::size_t>(count), channels, read_, name_, to);
    read_ += count;
    return static_cast<std::size_t>(count);
  }
  RecordingInfo info() const {
    const bool flac = (info_.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC;
    return {info_.samplerate, info_.channels, info_.frames, flac ? "FLAC" : "WAV"};
  }

 private:
  struct Close {
    void operator()(SNDFILE* file) const { sf_close(file); }
  };

  /// Other formats are not handed to the library at all.
  void require_known_format() {
    char head[12] = {};
    const auto count = bytes_->read_at(0, head, std::min<sf_count_t>(sizeof head, bytes_->size()));
    const std::string_view own(head, static_cast<std::size_t>(std::max<sf_count_t>(0, count)));
    if (own.empty()) fail<DataError>("{}: an empty file, expected WAV or FLAC", name_);
    if (!own.starts_with("RIFF") && !own.starts_with("RF64") && !own.starts_with("riff") &&
        !own.starts_with("fLaC"))
      fail<DataError>("{}: no WAV or FLAC file (it begins with neither RIFF, RF64, riff nor fLaC)", name_);
  }
  std::string reason() const {
    std::string text = sf_strerror(file_.get());
    while (!text.empty() && (text.back() == '.' || text.back() == '\n')) text.pop_back();
    return text;
  }

  std::unique_ptr<Bytes> bytes_;
  std::string name_;
  SF_INFO info_{};
  std::unique_ptr<SNDFILE, Close> file_;
  std::vector<float> frames_;
  int64_t read_ = 0;
};

/// 16-bit little-endian samples from a pipe or file.
class PcmSamples : public Samples {
 public:
  PcmSamples(int descriptor, std::string name, int channels)
      : descriptor_(descriptor), name_(std::move(name)), channels_(static_cast<std::size_t>(channels)) {}

  std::size_t read(float* to, std::size_t most) override {
    const std::size_t frame = 2 * channels_;
    while (held_.size() < frame && fill()) {
    }
    const auto count = std::min(most, held_.size() / frame);
    for (std::size_t i = 0; i < count; ++i) {
      double sum = 0.0;
      for (std::size_t c = 0; c < channels_; ++c) {
        const auto* at = reinterpret_cast<const unsigned char*>(held_.data()) + i * frame + 2 * c;
        sum += static_cast<int16_t>(static_cast<uint16_t>(at[0] | at[1] << 8));
      }
      to[i] = static_cast<float>(sum / (32768.0 * static_cast<double>(channels_)));
    }
    held_.erase(0, count * frame);
    return count;
  }

 private:
  bool fill() {
    char block[8192];
    ssize_t count = 0;
    do count = ::read(descriptor_, block, sizeof block);
    while (count < 0 && errno == EINTR);
    if (count < 0) fail<DataError>("{}: {}", name_, std::strerror(errno));
    held_.append(block, static_cast<std::size_t>(count));
    return count > 0;
  }

  int descriptor_;
  std::string name_, held_;
  std::size_t channels_;
};

/// Another rate, by libsamplerate's band-limited interpolation.
class Resampled : public Samples {
 public:
  Resampled(std::unique_ptr<Samples> source, int from, int to)
      : source_(std::move(source)), ratio_(static_cast<double>(to) / from), block_(kBlock) {
    int error = 0;
    state_.reset(src_new(SRC_SINC_MEDIUM_QUALITY, 1, &error));
    if (state_ == nullptr) fail<SystemFailure>("resampling: {}", src_strerror(error));
  }

  std::size_t read(float* to, std::size_t most) override {
    while (true) {
      if (held_ == 0 && !ended_) {
        held_ = source_->read(block_.data(), block_.size());
        at_ = 0;
        ended_ = held_ == 0;
      }
      SRC_DATA data{.data_in = block_.data() + at_,
                    .data_out = to,
                    .input_frames = static_cast<long>(held_),
                    .output_frames = static_cast<long>(most),
                    .input_frames_used = 0,
                    .output_frames_gen = 0,
                    .end_of_input = ended_ ? 1 : 0,
                    .src_ratio = ratio_};
      if (const int error = src_process(state_.get(), &data); error != 0)
        fail<SystemFailure>("resampling: {}", src_strerror(error));
      at_ += static_cast<std::size_t>(data.input_frames_used);
      held_ -= static_cast<std::size_t>(data.input_frames_used);
      if (data.output_frames_gen > 0) return static_cast<std::size_t>(data.output_frames_gen);
      if (ended_ && held_ == 0) return 0;
    }
  }

 private:
  struct Delete {
    void operator()(SRC_STATE* state) const { src_delete(state); }
  };
  std::unique_ptr<Samples> source_;
  double ratio_;
  std::vector<float> block_;
  std::size_t at_ = 0, held_ = 0;
  bool ended_ = false;
  std::unique_ptr<SRC_STATE, Delete> state_;
};

std::unique_ptr<Samples> at_rate(std::unique_ptr<Samples> samples, int from, int to) {
  if (from == to) return samples;
  return std::make_unique<Resampled>(std::move(samples), from, to);
}

std::unique_ptr<Samples> open_bytes(std::unique_ptr<Bytes> bytes, const std::string& name, int rate,
                                    RecordingInfo* info) {
  auto file = std::make_unique<FileSamples>(std::move(bytes), name);
  const auto own = file->info();
  if (info != nullptr) *info = own;
  return at_rate(std::move(file), own.rate, rate);
}

}  // namespace

std::unique_ptr<Samples> open_recording(const std::filesystem::path& path, int rate, RecordingInfo* info) {
  return open_bytes(std::make_unique<FileBytes>(path), path.string(), rate, info);
}

std::unique_ptr<Samples> open_recording(std::string_view bytes, const std::string& name, int rate,
                                        RecordingInfo* info) {
  return open_bytes(std::make_unique<MemoryBytes>(bytes), name, rate, info);
}

std::unique_ptr<Samples> open_pcm(int descriptor, const std::string& name, int from_rate, int channels,
                                  int rate) {
  return at_rate(std::make_unique<PcmSamples>(descriptor, name, channels), from_rate, rate);
}

std::vector<float> read_all(Samples& samples, const std::string& name, std::size_t most) {
  std::vector<float> all;
  std::size_t count = 0;
  do {
    all.resize(all.size() + kBlock);
    count = samples.read(all.data() + all.size() - kBlock, kBlock);
    all.resize(all.size() - kBlock + count);
    if (all.size() > most) fail<DataError>("{}: longer than {} samples", name, most);
  } while (count > 0);
  return all;
}

void write_wav(const std::filesystem::path& path, const std::vector<float>& samples, int rate) {
  std::string bytes;
  const auto number = [&](uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xFFU));
  };
  const auto data = static_cast<uint32_t>(2 * samples.size());
  bytes += "RIFF";
  number(36 + data, 4);
  bytes += "WAVEfmt ";
  number(16, 4);
  number(1, 2);
  number(1, 2);
  number(static_cast<uint32_t>(rate), 4);
  number(static_cast<uint32_t>(2 * rate), 4);
  number(2, 2);
  number(16, 2);
  bytes += "data";
  number(data, 4);
  for (const float sample : samples)
    number(static_cast<uint32_t>(
               static_cast<int32_t>(std::lround(std::clamp(sample, -1.0F, 0.99996F) * 32768.0F))),
           2);
  write_atomically(path, bytes);
}

Cutter::Cutter(Samples& samples, int rate, double longest)
    : samples_(samples),
      longest_(static_cast<std::size_t>(std::max(1.0, longest * rate))),
      window_(static_cast<std::size_t>(std::max(1, rate / 10))) {}

std::size_t Cutter::quietest() const {
  const std::size_t first = longest_ / 2, last = longest_ > window_ ? longest_ - window_ : 0;
  std::size_t best = longest_;
  double least = -1.0;
  for (std::size_t at = first; at <= last; at += std::max<std::size_t>(1, window_ / 4)) {
    double energy = 0.0;
    for (std::size_t i = at; i < at + window_; ++i) energy += static_cast<double>(held_[i]) * held_[i];
    // Of equally quiet places the last one.
    if (least < 0.0 || energy <= least) {
      least = energy;
      best = at + window_ / 2;
    }
  }
  return best;
}

bool Cutter::next(Piece& piece) {
  while (!ended_ && held_.size() < longest_) {
    const auto before = held_.size();
    const auto wanted = std::min(kBlock, longest_ - before);
    held_.resize(before + wanted);
    const auto count = samples_.read(held_.data() + before, wanted);
    held_.resize(before + count);
    ended_ = count == 0;
  }
  if (held_.empty()) return false;
  const auto end = static_cast<std::ptrdiff_t>(held_.size() < longest_ ? held_.size() : quietest());
  piece.begin = begin_;
  piece.samples.assign(held_.begin(), held_.begin() + end);
  held_.erase(held_.begin(), held_.begin() + end);
  begin_ += end;
  return true;
}

}  // namespace arzoo::speech
