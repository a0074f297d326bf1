#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "speech/front_end_options.h"

/// From samples to features: Kaldi's mel filterbank, low frame rate stacking, and a global mean and deviation
/// (FunASR's WavFrontend). T frames, M filters.
namespace arzoo::speech {

/// The analysis window, [samples].
at::Tensor analysis_window(const std::string& name, int64_t samples);

/// Triangles of equal width on the mel scale, from 20 Hz to half the rate. padded: samples of the transform.
/// Returns [M, padded / 2], the Nyquist frequency left out.
at::Tensor mel_banks(int64_t filters, int64_t padded, double rate);

/// Logarithms of filter energies. samples: [N], in [-1, 1]; noise: [T, frame], normal numbers that `dither`
/// scales, undefined for none. Returns [T, M]. A recording shorter than a frame is one frame. Throws
/// DataError for fewer than two samples.
at::Tensor log_mel_filterbank(const at::Tensor& samples, const FrontEndOptions& options,
                              const at::Tensor& noise = {});

/// Frames i n … i n + m - 1 side by side for each i, the first frame (m - 1) / 2 times before the first, the
/// last one repeated at the end. frames: [T, M]; returns [ceil(T / n), m M].
at::Tensor stack_frames(const at::Tensor& frames, int64_t m, int64_t n);

/// A global mean and deviation: (x + shift) scale.
struct Cmvn {
  at::Tensor shift, scale;  ///< [F]; undefined for none
  at::Tensor apply(const at::Tensor& features) const;
};

/// The vectors of a Kaldi-nnet text (am.mvn). Throws CheckpointError unless both have `width` numbers.
Cmvn read_cmvn(const std::filesystem::path& path, int64_t width);
void write_cmvn(const std::filesystem::path& path, const Cmvn& cmvn);

/// All of it. Returns [T', F].
at::Tensor features_of(const at::Tensor& samples, const FrontEndOptions& options, const Cmvn& cmvn,
                       const at::Tensor& noise = {});

/// Frames of padding behind the longest recording of a batch. What a model computes of the last frames
/// depends on there being padding behind them, though not on how much; so that it hears the same in any
/// batch, and alone, there always is some. Published models are given none, as in the official code.
constexpr int64_t kFramesBehind = 8;
/// features: [B, T', F]; returns [B, T' + frames, F], with zeros behind.
at::Tensor with_frames_behind(const at::Tensor& features, int64_t frames);

/// Filterbank frames of so many samples.
int64_t frames_of(int64_t samples, const FrontEndOptions& options);
int64_t samples_of_frame(const FrontEndOptions& options);

}  // namespace arzoo::speech
