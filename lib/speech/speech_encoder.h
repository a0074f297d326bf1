#pragma once

#include <memory>
#include <vector>

#include "runtime/losses.h"
#include "speech/paraformer.h"
#include "speech/speech_layers.h"

/// The encoders of Paraformer, under FunASR's names.
namespace arzoo::speech {

struct Encoded {
  at::Tensor hidden;   ///< [B, T', D]
  at::Tensor lengths;  ///< [B], int64: frames of T'
  at::Tensor mask;     ///< [B, T'], bool; undefined where all frames count
};

class SpeechEncoder : public torch::nn::Module {
 public:
  /// features: [B, T, F], zeros behind the lengths, [B]. trace: gets enc_embed, enc_layer0, …, encoder_out.
  virtual Encoded forward(const at::Tensor& features, const at::Tensor& lengths, runtime::Trace* trace) = 0;
  /// Frames of the input that one of the output stands for.
  virtual int64_t subsampling() const { return 1; }
};

std::shared_ptr<SpeechEncoder> make_encoder(const ParaformerOptions& options);

/// The memory block of an FSMN (Zhang et al. 2018): x + depthwise convolution over time, zeros outside.
class FsmnMemory : public torch::nn::Module {
 public:
  /// The convolution is the child "fsmn_block", without bias; shift: taps more to the left.
  FsmnMemory(int64_t width, int64_t kernel, int64_t shift, double dropout);
  /// x: [B, T, D]; mask: [B, T, 1] of x's type, may be undefined.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& mask);

 private:
  int64_t left_, right_;
  double dropout_;
  at::Tensor weight_;  ///< [D, 1, K]
};

/// [B, T, 1] in the type of `like`; undefined where `mask` [B, T] is.
at::Tensor column_mask(const at::Tensor& mask, const at::Tensor& like);

/// `mask` where some place is left out, else undefined.
at::Tensor only_if_padded(const at::Tensor& mask);

}  // namespace arzoo::speech
