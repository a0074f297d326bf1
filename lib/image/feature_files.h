#pragma once

#include <filesystem>
#include <optional>

#include "image/frechet_distance.h"
#include "runtime/losses.h"

namespace arzoo::image {

/// What is known of a set of pictures for comparing it with another.
struct PictureFeatures {
  std::optional<FeatureStatistics> statistics;
  at::Tensor features;       ///< [N, F], may be undefined
  at::Tensor probabilities;  ///< [N, classes], may be undefined
  at::Tensor labels;         ///< [N] long, the classes asked for; may be undefined
};

/// Reads what other programs computed, for the official protocols with Inception-v3's features, whose weights
/// do not come with this program:
///
///     .npy   features [N, F]
///     .npz   "mu", "sigma": statistics, as in ADM's reference batches (VIRTUAL_imagenet256_labeled.npz) and
///            pytorch-fid's files; "features" (or "arr_0" where it is a matrix): features [N, F];
///            "probabilities": class probabilities [N, classes]; "labels": the classes asked for [N]
///
/// Floats or integers. Statistics that the file does not hold are computed from its features. Throws
/// DataError, also for numbers that are not finite.
PictureFeatures read_features(const std::filesystem::path& path);

/// {"FID", "IS", "class_fidelity", "real_class_fidelity", "precision", "recall"} of generated pictures: the
/// distance of the statistics; the Inception Score where there are probabilities; class fidelity where a set
/// has labels too; precision and recall (k = 3) where both sets have features. `metric_name` names the
/// distance: with other features than Inception-v3's it is another metric.
runtime::Metrics compare_pictures(const PictureFeatures& real, const PictureFeatures& generated,
                                  const std::string& metric_name = "FID");

}  // namespace arzoo::image
