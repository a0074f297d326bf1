#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

/// What is measured on sets of pictures besides the Fréchet distance.
namespace arzoo::image {

/// The Inception Score (Salimans et al., NeurIPS 2016): e to the mean divergence of each picture's class
/// probabilities from their mean, averaged over parts of `part` pictures (the last may be smaller), 5000 in
/// ADM's evaluator. probabilities: [N, classes].
double inception_score(const at::Tensor& probabilities, int64_t part = 5000);

/// The mean squared error of each picture, in double. a, b: [B, C, H, W]; returns [B].
at::Tensor squared_error(const at::Tensor& a, const at::Tensor& b);
/// The peak signal-to-noise ratio in dB of such errors, where `peak` is the width of the pixels' range. An
/// error below 1e-10 of peak^2 counts as that: a perfect picture would count infinitely.
at::Tensor signal_to_noise(const at::Tensor& squared_error, double peak);

/// Precision: the share of generated pictures among the real ones; recall: of real ones among the generated.
struct PrecisionRecall {
  double precision = 0.0, recall = 0.0;
};
/// Kynkäänniemi et al., NeurIPS 2019: a picture lies among others if one of them is at least as near as its
/// own k-th nearest neighbour. real, generated: [N, F] and [M, F], more than k rows each; throws DataError
/// for fewer.
PrecisionRecall precision_recall(const at::Tensor& real, const at::Tensor& generated, int64_t k = 3);

/// Class fidelity: the share of pictures that a classifier, trained on real ones, takes for the class that
/// they were asked to be of. Throws DataError unless each picture has a label and the classifier knows its
/// class. probabilities: [N, classes]; labels: [N] long.
double class_fidelity(const at::Tensor& probabilities, const at::Tensor& labels);

}  // namespace arzoo::image
