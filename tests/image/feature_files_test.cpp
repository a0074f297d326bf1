#include "image/feature_files.h"

#include "core/error.h"
#include "image/sample_metrics.h"
#include "support/features.h"
#include "support/numpy.h"

using namespace arzoo;
using namespace arzoo::image;
using test::features;
using test::TempDir;

namespace {

/// A .npy file of doubles.
std::string npy_of(const at::Tensor& tensor) {
  std::string shape;
  for (const int64_t size : tensor.sizes()) shape += std::to_string(size) + ", ";
  const auto whole = tensor.to(at::kDouble).contiguous();
  return test::npy("'descr': '<f8', 'fortran_order': False, 'shape': (" + shape + "), ",
                   {reinterpret_cast<const char*>(whole.const_data_ptr<double>()), whole.nbytes()});
}

double metric(const runtime::Metrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
  }
  throw std::out_of_range(name);
}

}  // namespace

// The distance is the one of frechet_distance_test, by SciPy.
TEST_CASE("reference statistics and features of samples give the distance alone") {
  const TempDir temp;
  const auto statistics = FeatureStatistics::of(features(40, 5, 1.0));
  const auto pictures = test::npy("'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 3), ", "abc");
  const auto reference = temp.write("VIRTUAL.npz", test::zip({{"arr_0.npy", pictures},
                                                              {"mu.npy", npy_of(statistics.mu)},
                                                              {"sigma.npy", npy_of(statistics.sigma)}}));
  const auto samples = temp.write("samples.npy", npy_of(features(30, 5, 2.0)));
  const auto metrics = compare_pictures(read_features(reference), read_features(samples));
  REQUIRE(metrics.size() == 1);
  CHECK(metric(metrics, "FID") == Approx(0.231889517545475).epsilon(1e-9));
}

TEST_CASE("with features of both and probabilities everything is measured") {
  const TempDir temp;
  const auto probabilities = at::softmax(features(30, 4, 0.3), 1);
  const auto real = temp.write("real.npz", test::zip({{"arr_0.npy", npy_of(features(40, 5, 1.0))}}));
  const auto made = temp.write("made.npz", test::zip({{"features.npy", npy_of(features(30, 5, 3.0))},
                                                      {"probabilities.npy", npy_of(probabilities)}}));
  const auto metrics = compare_pictures(read_features(real), read_features(made), "Fashion-FID");
  CHECK(metric(metrics, "Fashion-FID") > 0.0);
  CHECK(metric(metrics, "IS") == Approx(inception_score(probabilities)));
  CHECK(metric(metrics, "precision") == Approx(11.0 / 30.0));
  CHECK(metric(metrics, "recall") == Approx(0.525));
}

TEST_CASE("files without what is needed are refused with what they have") {
  const TempDir temp;
  const auto vector = npy_of(at::ones({3}));
  CHECK_THROWS_WITH(read_features(temp.write("a.npz", test::zip({{"other.npy", vector}}))),
                    ContainsSubstring("a.npz: neither") && ContainsSubstring("other"));
  CHECK_THROWS_WITH(read_features(temp.write("b.npz", test::zip({{"mu.npy", vector}}))),
                    ContainsSubstring("b.npz: no array \"sigma\""));
  CHECK_THROWS_WITH(read_features(temp.write(
                        "c.npz", test::zip({{"mu.npy", vector}, {"sigma.npy", npy_of(at::ones({2, 2}))}}))),
                    ContainsSubstring("sigma is [2, 2], expected [3, 3]"));
  CHECK_THROWS_WITH(read_features(temp.write("d.npy", vector)), ContainsSubstring("expected a matrix"));
}
