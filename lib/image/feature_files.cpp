#include "image/feature_files.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include "core/error.h"
#include "image/sample_metrics.h"
#include "io/npy_file.h"

namespace arzoo::image {
namespace {

bool is_matrix(const io::NpyArray& array) { return array.shape.size() == 2; }

/// In double precision, integers too. Throws DataError for numbers that are not finite: one of them would
/// make every metric NaN.
at::Tensor tensor_of(const io::NpyArray& array, const std::string& where) {
  const auto tensor = at::tensor(array.type.read(array.bytes), at::kDouble).view(array.shape);
  const auto broken = at::isfinite(tensor).logical_not_();
  if (broken.any().item<bool>()) {
    const auto place = broken.nonzero()[0].contiguous();
    const std::vector<int64_t> first(place.const_data_ptr<int64_t>(),
                                     place.const_data_ptr<int64_t>() + place.numel());
    fail<DataError>("{}: {} of {} numbers are not finite, the first at [{}] (NaN or infinity)", where,
                    broken.sum().item<int64_t>(), tensor.numel(), fmt::join(first, ", "));
  }
  return tensor;
}

/// As messages name an array of a file.
std::string place_of(const io::NpzFile& file, std::string_view name) {
  return name.empty() ? file.name() : fmt::format("{}: array \"{}\"", file.name(), name);
}

at::Tensor matrix(const io::NpzFile& file, std::string_view name) {
  const auto array = file.at(name);
  if (!is_matrix(array))
    fail<DataError>("{} has shape [{}], expected a matrix", place_of(file, name),
                    fmt::join(array.shape, ", "));
  return tensor_of(array, place_of(file, name));
}

/// Class numbers, [N] long.
at::Tensor labels_in(const io::NpzFile& file) {
  const auto array = file.at("labels");
  const auto where = place_of(file, "labels");
  const auto numbers = tensor_of(array, where), labels = numbers.to(at::kLong);
  if (array.shape.size() != 1 || !at::equal(labels.to(at::kDouble), numbers))
    fail<DataError>("{}, shape [{}], expected a class number for each picture", where,
                    fmt::join(array.shape, ", "));
  return labels;
}

FeatureStatistics statistics_in(const io::NpzFile& file) {
  const auto mu = file.at("mu");
  FeatureStatistics statistics{tensor_of(mu, place_of(file, "mu")).flatten(), matrix(file, "sigma")};
  const int64_t width = statistics.mu.size(0);
  if (statistics.sigma.size(0) != width || statistics.sigma.size(1) != width)
    fail<DataError>("{}: sigma is [{}], expected [{}, {}] as mu has it", file.name(),
                    fmt::join(statistics.sigma.sizes(), ", "), width, width);
  return statistics;
}

/// Where the file holds its features, nothing if it has none.
std::optional<std::string> features_name(const io::NpzFile& file) {
  for (const char* name : {"", "features"}) {
    if (file.contains(name)) return name;
  }
  if (file.contains("arr_0") && is_matrix(file.at("arr_0"))) return "arr_0";
  return std::nullopt;
}

}  // namespace

PictureFeatures read_features(const std::filesystem::path& path) {
  const io::NpzFile file(path);
  PictureFeatures result;
  if (const auto name = features_name(file)) result.features = matrix(file, *name);
  if (file.contains("mu")) result.statistics = statistics_in(file);
  if (file.contains("probabilities")) result.probabilities = matrix(file, "probabilities");
  if (file.contains("labels")) result.labels = labels_in(file);
  if (!result.statistics && !result.features.defined()) {
    fail<DataError>("{}: neither \"mu\" and \"sigma\" nor \"features\" in it, only {}", file.name(),
                    fmt::join(file.arrays(), ", "));
  }
  if (!result.statistics) result.statistics = FeatureStatistics::of(result.features);
  return result;
}

runtime::Metrics compare_pictures(const PictureFeatures& real, const PictureFeatures& generated,
                                  const std::string& metric_name) {
  runtime::Metrics metrics{
      {metric_name, frechet_distance(real.statistics.value(), generated.statistics.value())}};
  if (generated.probabilities.defined()) metrics.emplace_back("IS", inception_score(generated.probabilities));
  const auto add_fidelity = [&](const char* name, const PictureFeatures& set) {
    if (set.probabilities.defined() && set.labels.defined())
      metrics.emplace_back(name, class_fidelity(set.probabilities, set.labels));
  };
  add_fidelity("class_fidelity", generated);
  add_fidelity("real_class_fidelity", real);
  if (real.features.defined() && generated.features.defined()) {
    const auto shares = precision_recall(real.features, generated.features);
    metrics.emplace_back("precision", shares.precision);
    metrics.emplace_back("recall", shares.recall);
  }
  return metrics;
}

}  // namespace arzoo::image
