#pragma once

#include <string>

#include "core/config.h"

namespace arzoo::speech {

/// "frontend_conf": from samples to features. The names are FunASR's WavFrontend's.
struct FrontEndOptions {
  int64_t fs = 16000;
  std::string window = "hamming";
  int64_t n_mels = 80;
  double frame_length = 25.0;
  double frame_shift = 10.0;
  int64_t lfr_m = 1;
  int64_t lfr_n = 1;
  double dither = 0.0;
  bool snip_edges = true;
  bool upsacle_samples = true;

  static void fields(auto& o, auto& field) {
    field("fs", o.fs, between(1000, 192000), "samples a second; recordings are brought to it");
    field("window", o.window, one_of({"hamming", "hanning", "povey", "rectangular", "blackman"}),
          "analysis window");
    field("n_mels", o.n_mels, between(4, 1024), "mel filters");
    field("frame_length", o.frame_length, between(1, 1000), "milliseconds of a frame");
    field("frame_shift", o.frame_shift, between(1, 1000), "milliseconds from one frame to the next");
    field("lfr_m", o.lfr_m, between(1, 64), "frames stacked into one (low frame rate)");
    field("lfr_n", o.lfr_n, between(1, 64), "frames from one stack to the next");
    field("dither", o.dither, between(0, 100),
          "normal noise added to the samples, on the scale of 16 bits, in training; recognition adds none");
    field("snip_edges", o.snip_edges, {}, "only frames that lie inside the recording");
    field("upsacle_samples", o.upsacle_samples, {}, "samples on the scale of 16 bits instead of [-1, 1]");
  }
  int64_t width() const { return n_mels * lfr_m; }
  /// Seconds from one stacked frame to the next.
  double seconds_per_frame() const { return frame_shift * static_cast<double>(lfr_n) / 1000.0; }
};

}  // namespace arzoo::speech
