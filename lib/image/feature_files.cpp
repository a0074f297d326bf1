#include "image/feature_files.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include "core/error.h"
#include "core/npy_file.h"
#include "image/sample_metrics.h"

namespace arzoo::image {
namespace {

bool is_matrix(const NpyArray& array) { return array.shape.size() == 2 && array.type.kind == 'f'; }

/// In double precision.
at::Tensor tensor_of(const NpyArray& array) {
  return at::tensor(array.type.read(array.bytes), at::kDouble).view(array.shape);
}

at::Tensor matrix(const NpzFile& file, std::string_view name) {
  const auto array = file.at(name);
  if (!is_matrix(array))
    fail<DataError>("{}: array \"{}\" has shape [{}], expected a matrix of floats", file.name(), name,
                    fmt::join(array.shape, ", "));
  return tensor_of(array);
}

FeatureStatistics statistics_in(const NpzFile& file) {
  const auto mu = file.at("mu");
  FeatureStatistics statistics{tensor_of(mu).flatten(), matrix(file, "sigma")};
  const int64_t width = statistics.mu.size(0);
  if (statistics.sigma.size(0) != width || statistics.sigma.size(1) != width)
    fail<DataError>("{}: sigma is [{}], expected [{}, {}] as mu has it", file.name(),
                    fmt::join(statistics.sigma.sizes(), ", "), width, width);
  return statistics;
}

/// Where the file holds its features, nothing if it has none.
std::optional<std::string> features_name(const NpzFile& file) {
  for (const char* name : {"", "features"}) {
    if (file.contains(name)) return name;
  }
  if (file.contains("arr_0") && is_matrix(file.at("arr_0"))) return "arr_0";
  return std::nullopt;
}

}  // namespace

PictureFeatures read_features(const std::filesystem::path& path) {
  const NpzFile file(path);
  PictureFeatures result;
  if (const auto name = features_name(file)) result.features = matrix(file, *name);
  if (file.contains("mu")) result.statistics = statistics_in(file);
  if (file.contains("probabilities")) result.probabilities = matrix(file, "probabilities");
  if (!result.statistics && !result.features.defined()) {
    fail<DataError>("{}: neither \"mu\" and \"sigma\" nor \"features\" in it, only {}", file.name(),
                    fmt::join(file.arrays(), ", "));
  }
  if (!result.statistics) result.statistics = FeatureStatistics::of(result.features);
  return result;
}

runtime::Metrics compare_pictures(const PictureFeatures& real, const PictureFeatures& generated,
                                  const std::string& figure) {
  runtime::Metrics metrics{{figure, frechet_distance(real.statistics.value(), generated.statistics.value())}};
  if (generated.probabilities.defined()) metrics.emplace_back("IS", inception_score(generated.probabilities));
  if (real.features.defined() && generated.features.defined()) {
    const auto shares = precision_recall(real.features, generated.features);
    metrics.emplace_back("precision", shares.precision);
    metrics.emplace_back("recall", shares.recall);
  }
  return metrics;
}

}  // namespace arzoo::image
