#include "speech/front_end.h"

#include <torch/torch.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "core/atomic_file.h"
#include "core/text_file.h"

namespace arzoo::speech {
namespace {

constexpr double kPreEmphasis = 0.97, kLowest = 20.0, kSampleScale = 32768.0;
constexpr double kEnergyFloor = 1.1920928955078125e-07;

double mel(double frequency) { return 1127.0 * std::log(1.0 + frequency / 700.0); }

int64_t power_of_two(int64_t least) {
  int64_t size = 1;
  while (size < least) size *= 2;
  return size;
}

int64_t shift_of(const FrontEndOptions& o) {
  return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(o.fs) * o.frame_shift * 0.001));
}

/// The frames themselves, [T, frame].
at::Tensor cut(const at::Tensor& samples, int64_t frame, int64_t shift, bool snip_edges) {
  if (snip_edges) return samples.unfold(0, frame, shift);
  const int64_t count = samples.size(0), frames = (count + shift / 2) / shift, before = frame / 2 - shift / 2;
  const auto reversed = samples.flip(0);
  const auto whole =
      before > 0 ? at::cat({reversed.narrow(0, std::max<int64_t>(0, count - before), std::min(before, count)),
                            samples, reversed})
                 : at::cat({samples.narrow(0, -before, count + before), reversed});
  const int64_t there = whole.size(0) < frame ? 0 : (whole.size(0) - frame) / shift + 1;
  return whole.unfold(0, frame, shift).narrow(0, 0, std::min(frames, there));
}

/// The numbers between the brackets of the line behind the one that begins with `tag`.
std::vector<float> vector_behind(const std::string& text, std::string_view tag, const std::string& where) {
  auto at = text.find(tag);
  while (at != std::string::npos && at > 0 && text[at - 1] != '\n') at = text.find(tag, at + 1);
  if (at == std::string::npos) fail<CheckpointError>("{}: no {} (expected a Kaldi-nnet text)", where, tag);
  const auto line = std::min(text.find('\n', at), text.size());
  const auto open = text.find('[', line), close = text.find(']', line);
  if (open == std::string::npos || close == std::string::npos || close < open)
    fail<CheckpointError>("{}: {} has no [ numbers ] behind it", where, tag);
  std::vector<float> numbers;
  const char* place = text.data() + open + 1;
  const char* const end = text.data() + close;
  while (true) {
    while (place < end && (*place == ' ' || *place == '\n' || *place == '\t' || *place == '\r')) ++place;
    if (place >= end) break;
    float number = 0.0F;
    const auto read = std::from_chars(place, end, number);
    if (read.ec != std::errc() || !std::isfinite(number))
      fail<CheckpointError>("{}: number {} of {} is none, expected finite numbers", where, numbers.size() + 1,
                            tag);
    numbers.push_back(number);
    place = read.ptr;
  }
  return numbers;
}

}  // namespace

at::Tensor analysis_window(const std::string& name, int64_t samples) {
  if (name == "rectangular" || samples < 2) return at::ones({samples});
  const auto phase =
      at::arange(samples, at::kDouble) * (2.0 * std::numbers::pi / static_cast<double>(samples - 1));
  at::Tensor window;
  if (name == "hamming") window = 0.54 - 0.46 * at::cos(phase);
  if (name == "hanning") window = 0.5 - 0.5 * at::cos(phase);
  if (name == "povey") window = (0.5 - 0.5 * at::cos(phase)).pow(0.85);
  if (name == "blackman") window = 0.42 - 0.5 * at::cos(phase) + 0.08 * at::cos(2.0 * phase);
  return window.to(at::kFloat);
}

at::Tensor mel_banks(int64_t filters, int64_t padded, double rate) {
  const int64_t bins = padded / 2;
  const double low = mel(kLowest), delta = (mel(rate / 2) - low) / static_cast<double>(filters + 1);
  auto banks = at::zeros({filters, bins});
  auto* out = banks.data_ptr<float>();
  for (int64_t b = 0; b < filters; ++b) {
    const double left = low + static_cast<double>(b) * delta;
    for (int64_t k = 0; k < bins; ++k) {
      const double place = mel(static_cast<double>(k) * rate / static_cast<double>(padded));
      out[b * bins + k] = static_cast<float>(
          std::max(0.0, std::min((place - left) / delta, (left + 2 * delta - place) / delta)));
    }
  }
  return banks;
}

int64_t samples_of_frame(const FrontEndOptions& o) {
  return static_cast<int64_t>(static_cast<double>(o.fs) * o.frame_length * 0.001);
}

at::Tensor with_frames_behind(const at::Tensor& features, int64_t frames) {
  return frames > 0 ? at::constant_pad_nd(features, {0, 0, 0, frames}) : features;
}

int64_t frames_of(int64_t samples, const FrontEndOptions& o) {
  const int64_t frame = std::min(samples_of_frame(o), samples), shift = shift_of(o);
  return o.snip_edges ? (samples - frame) / shift + 1 : (samples + shift / 2) / shift;
}

at::Tensor log_mel_filterbank(const at::Tensor& samples, const FrontEndOptions& o, const at::Tensor& noise) {
  const int64_t frame = std::min(samples_of_frame(o), samples.size(0));
  if (frame < 2) fail<DataError>("a recording of {} samples, expected at least 2", samples.size(0));
  auto frames = cut(o.upsacle_samples ? samples * kSampleScale : samples, frame, shift_of(o), o.snip_edges);
  if (frames.size(0) == 0) fail<DataError>("a recording of {} samples has no frame", samples.size(0));
  if (noise.defined()) frames = frames + o.dither * noise;
  frames = frames - frames.mean(1, true);
  const auto before = at::cat({frames.narrow(1, 0, 1), frames.narrow(1, 0, frame - 1)}, 1);
  frames = (frames - kPreEmphasis * before) * analysis_window(o.window, frame);
  const int64_t padded = power_of_two(frame);
  const auto power = at::fft_rfft(frames, padded).abs().square().narrow(1, 0, padded / 2);
  const auto banks = mel_banks(o.n_mels, padded, static_cast<double>(o.fs));
  return at::mm(power, banks.t()).clamp_min(kEnergyFloor).log();
}

at::Tensor stack_frames(const at::Tensor& frames, int64_t m, int64_t n) {
  const int64_t count = frames.size(0), stacks = (count + n - 1) / n;
  const auto places =
      (at::arange(stacks, at::kLong) * n).unsqueeze(1) + at::arange(m, at::kLong) - (m - 1) / 2;
  return frames.index_select(0, places.clamp(0, count - 1).reshape({-1}))
      .reshape({stacks, m * frames.size(1)});
}

at::Tensor Cmvn::apply(const at::Tensor& features) const {
  return shift.defined() ? (features + shift) * scale : features;
}

Cmvn read_cmvn(const std::filesystem::path& path, int64_t width) {
  const auto text = read_text_file(path);
  const auto where = path.string();
  const auto shift = vector_behind(text, "<AddShift>", where),
             scale = vector_behind(text, "<Rescale>", where);
  for (const auto* numbers : {&shift, &scale}) {
    if (static_cast<int64_t>(numbers->size()) != width)
      fail<CheckpointError>("{}: {} numbers, expected {} (filters times stacked frames)", where,
                            numbers->size(), width);
  }
  return {at::tensor(shift, at::kFloat), at::tensor(scale, at::kFloat)};
}

void write_cmvn(const std::filesystem::path& path, const Cmvn& cmvn) {
  const auto width = cmvn.shift.numel();
  std::string text = "<Nnet>\n";
  for (const auto& [tag, values] : {std::pair{"AddShift", cmvn.shift}, std::pair{"Rescale", cmvn.scale}}) {
    text += fmt::format("<{}> {} {}\n<LearnRateCoef> 0 [", tag, width, width);
    const auto own = values.contiguous();
    for (int64_t i = 0; i < width; ++i) text += fmt::format(" {}", own.data_ptr<float>()[i]);
    text += " ]\n";
  }
  text += "</Nnet>\n";
  AtomicFile file(path);
  file.append(text);
  file.commit();
}

at::Tensor features_of(const at::Tensor& samples, const FrontEndOptions& o, const Cmvn& cmvn,
                       const at::Tensor& noise) {
  auto features = log_mel_filterbank(samples, o, noise);
  if (o.lfr_m != 1 || o.lfr_n != 1) features = stack_frames(features, o.lfr_m, o.lfr_n);
  return cmvn.apply(features);
}

}  // namespace arzoo::speech
