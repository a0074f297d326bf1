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

TEST_CASE("numbers that are not finite are refused with the file and their place") {
  const TempDir temp;
  const double broken = GENERATE(std::nan(""), HUGE_VAL);
  auto matrix = features(4, 3, 1.0);
  matrix[2][1] = broken;
  matrix[3][0] = broken;
  CHECK_THROWS_WITH(read_features(temp.write("a.npy", npy_of(matrix))),
                    ContainsSubstring("a.npy: 2 of 12 numbers are not finite, the first at [2, 1]"));
  auto mu = at::ones({3}, at::kDouble);
  mu[1] = broken;
  const auto sigma = npy_of(at::eye(3));
  CHECK_THROWS_WITH(
      read_features(temp.write("b.npz", test::zip({{"mu.npy", npy_of(mu)}, {"sigma.npy", sigma}}))),
      ContainsSubstring("b.npz: array \"mu\": 1 of 3 numbers"));
  CHECK_THROWS_AS(read_features(temp.write("c.npz", test::zip({{"features.npy", npy_of(features(4, 3, 1.0))},
                                                               {"probabilities.npy", npy_of(matrix)}}))),
                  DataError);
}

TEST_CASE("features of integers are the numbers that they are") {
  const TempDir temp;
  std::string numbers;
  for (const int value : {1, -2, 3, 4, 5, 250}) numbers += test::little(static_cast<uint64_t>(value), 2);
  const auto read = read_features(
      temp.write("i.npy", test::npy("'descr': '<i2', 'fortran_order': False, 'shape': (3, 2), ", numbers)));
  CHECK(at::equal(read.features, at::tensor({1.0, -2.0, 3.0, 4.0, 5.0, 250.0}, at::kDouble).view({3, 2})));
}

TEST_CASE("class fidelity counts the pictures that are taken for their class") {
  const auto probabilities =
      at::tensor({0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.4, 0.3, 0.3, 0.2, 0.2, 0.6}).view({4, 3});
  CHECK(class_fidelity(probabilities, at::tensor({0, 1, 0, 2}, at::kLong)) == 1.0);
  CHECK(class_fidelity(probabilities, at::tensor({0, 1, 2, 1}, at::kLong)) == 0.5);
  CHECK_THROWS_WITH(class_fidelity(probabilities, at::tensor({0, 1, 2}, at::kLong)),
                    ContainsSubstring("3 labels of 4 pictures"));
  CHECK_THROWS_WITH(class_fidelity(probabilities, at::tensor({0, 1, 2, 3}, at::kLong)),
                    ContainsSubstring("labels from 0 to 3, expected classes 0 to 2"));
}

TEST_CASE("files with labels and probabilities give class fidelity, of each side that has both") {
  const TempDir temp;
  const auto probabilities = at::eye(4, at::kDouble).repeat({3, 1});
  const auto labels = at::arange(4, at::kDouble).repeat({3}), shifted = labels.remainder(3.0);
  const auto file = [&](const char* name, const at::Tensor& own) {
    return read_features(temp.write(name, test::zip({{"features.npy", npy_of(features(12, 3, 1.0))},
                                                     {"probabilities.npy", npy_of(probabilities)},
                                                     {"labels.npy", npy_of(own)}})));
  };
  const auto real = file("real.npz", labels), made = file("made.npz", shifted);
  const auto metrics = compare_pictures(real, made);
  CHECK(metric(metrics, "class_fidelity") == 0.75);  // class 3 was asked for as 0
  CHECK(metric(metrics, "real_class_fidelity") == 1.0);
  CHECK_THROWS_WITH(file("half.npz", labels + 0.5),
                    ContainsSubstring("labels") && ContainsSubstring("number"));
}
