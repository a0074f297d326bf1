#include "image/sample_metrics.h"

#include "core/error.h"
#include "support/features.h"

using namespace arzoo;
using namespace arzoo::image;
using test::features;

// Expected values: NumPy and SciPy in double precision on the same features.
TEST_CASE("the Inception score is a mean over parts of the pictures") {
  auto probabilities = features(11, 4, 1.5).abs() + 0.01;
  probabilities = probabilities / probabilities.sum(1, true);
  CHECK(inception_score(probabilities) == Approx(1.12329427749225).epsilon(1e-12));
  CHECK(inception_score(probabilities, 5) == Approx(1.08186816295104).epsilon(1e-12));
}

TEST_CASE("certain and even classes score their number, one class alone scores 1") {
  CHECK(inception_score(at::eye(4).repeat({5, 1})) == Approx(4.0));
  CHECK(inception_score(at::eye(4)[2].repeat({7, 1})) == Approx(1.0));
}

TEST_CASE("precision and recall count the pictures inside the others' neighbourhoods") {
  const auto narrow = precision_recall(features(40, 3, 1.0), features(30, 3, 2.6));
  CHECK(narrow.precision == Approx(14.0 / 15.0));
  CHECK(narrow.recall == Approx(0.975));
  const auto wide = precision_recall(features(40, 5, 1.0), features(30, 5, 3.0));
  CHECK(wide.precision == Approx(11.0 / 30.0));
  CHECK(wide.recall == Approx(0.525));
}

TEST_CASE("a set is all inside itself, far sets are outside each other") {
  const auto real = features(20, 3, 1.0);
  const auto same = precision_recall(real, real.clone());
  CHECK(same.precision == 1.0);
  CHECK(same.recall == 1.0);
  const auto far = precision_recall(real, real + 100.0);
  CHECK(far.precision == 0.0);
  CHECK(far.recall == 0.0);
  CHECK_THROWS_AS(precision_recall(features(3, 3, 1.0), real), DataError);
}
