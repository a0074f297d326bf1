#pragma once

#include "forecast/layers/encoder_fields.h"
#include "forecast/official_flags.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// PatchTST (Nie et al., "A Time Series is Worth 64 Words", ICLR 2023), supervised: each variate by itself,
/// its patches as tokens. Names are the official script's, defaults the paper's. The script's fc_dropout is
/// no option: it acts in the head of the self-supervised form alone.
struct PatchTstOptions {
  static constexpr std::string_view kName = "patchtst";
  static constexpr std::string_view kPaper = "Nie et al., PatchTST, ICLR 2023";
  static constexpr bool kChannelIndependent = true;

  int64_t patch_len = 16;
  int64_t stride = 8;
  std::string padding_patch = "end";
  int64_t d_model = 128;
  int64_t n_heads = 16;
  int64_t e_layers = 3;
  int64_t d_ff = 256;
  double dropout = 0.2;
  double head_dropout = 0.0;
  bool individual = false;
  bool revin = true;
  bool affine = false;
  bool subtract_last = false;
  bool decomposition = false;
  int64_t kernel_size = 25;

  static void fields(auto& o, auto& field) {
    field("patch_len", o.patch_len, at_least(1), "steps of one patch, at most seq_len");
    field("stride", o.stride, at_least(1), "steps between the starts of two patches");
    field("padding_patch", o.padding_patch, one_of({"end", "none"}),
          "end: repeat the last value `stride` times, which gives one more patch");
    field("d_model", o.d_model, at_least(1), "width of a token");
    encoder_fields(o, field);
    field("head_dropout", o.head_dropout, from_below(0, 1),
          "probability of dropout on the forecast in training");
    field("individual", o.individual, {}, "a head per variate");
    field("revin", o.revin, {}, "normalise each window and invert this on the forecast (RevIN)");
    field("affine", o.affine, {}, "with revin: a learned scale and shift per variate");
    field("subtract_last", o.subtract_last, {}, "with revin: subtract the last value instead of the mean");
    field("decomposition", o.decomposition, {},
          "two models, one of the trend and one of what remains, whose forecasts are added");
    field("kernel_size", o.kernel_size, at_least(1),
          "with decomposition: steps that the trend is a mean of, odd");
  }
  void check() const {
    require(d_model >= n_heads, "d_model ({}) must be at least n_heads ({})", d_model, n_heads);
    require(kernel_size % 2 == 1, "kernel_size must be odd, got {}", kernel_size);
  }
  void check_shape(const SeriesShape& shape) const {
    require(patch_len <= shape.seq_len, "patch_len ({}) must not exceed seq_len ({})", patch_len,
            shape.seq_len);
  }
  /// Patches of a window.
  int64_t patches(int64_t seq_len) const {
    return (seq_len - patch_len) / stride + (padding_patch == "end" ? 2 : 1);
  }
  static Json normalised(const Config& official) {
    auto flat = with_boolean_flags(official.json(),
                                   {"individual", "revin", "affine", "subtract_last", "decomposition"});
    if (const auto padding = flat.find("padding_patch"); padding != flat.end()) {
      if (padding->is_null() || *padding == "None") *padding = "none";
    }
    return flat;
  }
};

}  // namespace arzoo::forecast
