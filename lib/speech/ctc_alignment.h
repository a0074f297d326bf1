#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

/// Alignments of frames and tokens by CTC (Graves et al., ICML 2006), and the frames that each token sees in
/// CASS-NAT. An alignment is [B, T]: the token whose first frame was the one before, else 0.
namespace arzoo::speech {

struct Aligned {
  at::Tensor shifted = {};  ///< [B, T], int64
  at::Tensor lengths = {};  ///< [B]: tokens
  int64_t rows = 0;         ///< the most tokens that a mask has rows for
};

/// The likeliest path that spells the labels. log_probs: [B, T, V]; frames, label_lengths: [B]; labels: [B,
/// U]. At the frames in `second` every state takes its second best predecessor. Throws DataError for a label
/// longer than its frames.
Aligned viterbi_alignment(const at::Tensor& log_probs, const at::Tensor& frames, const at::Tensor& labels,
                          const at::Tensor& label_lengths, const std::vector<int64_t>& second = {});

/// The likeliest token of each frame. mask: [B, T], frames that are there, may be undefined.
Aligned greedy_alignment(const at::Tensor& log_probs, const at::Tensor& mask);

/// Of each utterance `samples` of them, side by side: at frames whose best probability is below the threshold
/// the second best token where `choice` is 1. log_probs: [B * samples, T, V]; choice: [B * samples, T], whose
/// first row of each utterance counts as 0.
Aligned sampled_alignment(const at::Tensor& log_probs, const at::Tensor& mask, int64_t samples,
                          double threshold, const at::Tensor& choice);

/// [B, rows + 1, T], bool: row u the frames behind the start of token u - 1 up to token u's, the row behind
/// the last token the rest, with the last frame in any case.
at::Tensor trigger_mask(const Aligned& aligned, const at::Tensor& mask, const at::Tensor& frames);

/// A trigger mask widened to the right and then to the left: by one frame, or by the neighbouring tokens'
/// rows.
at::Tensor widened(at::Tensor trigger, bool left, bool right, bool neighbours);

}  // namespace arzoo::speech
