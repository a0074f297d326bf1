#include "image/picture_data.h"

#include "core/error.h"
#include "support/pictures.h"

using namespace arzoo;
using namespace arzoo::image;
using runtime::Split;
using test::TempDir;

namespace {

DataOptions options_for(const std::string& path) {
  DataOptions options;
  options.path = path;
  options.resize = 1.0;
  return options;
}

}  // namespace

TEST_CASE("the official crop: short side to the given size, then the centre, halves rounded to even") {
  io::Picture wide{.width = 9, .height = 4, .channels = 1};
  for (int64_t i = 0; i < 36; ++i) wide.pixels.push_back(static_cast<uint8_t>(i));
  const auto centre = cropped(wide, 4, 1.0, false, nullptr);
  CHECK(centre.width == 4);
  CHECK(centre.height == 4);
  // Of 5 columns to spare 2 (2.5, to even) are left out on the left.
  CHECK(centre.pixels[0] == 2);
  CHECK(centre.pixels[4] == 11);
}

TEST_CASE("random crops take every place, mirrored or not, and depend on the generator alone") {
  io::Picture wide{.width = 7, .height = 4, .channels = 3};
  for (int64_t i = 0; i < 84; ++i) wide.pixels.push_back(static_cast<uint8_t>(i));
  std::set<uint8_t> corners;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 one(seed), again(seed);
    const auto picture = cropped(wide, 4, 1.0, true, &one);
    CHECK(picture.pixels == cropped(wide, 4, 1.0, true, &again).pixels);
    corners.insert(picture.pixels[0]);
  }
  // Columns 0 to 3 as they are, 3 to 6 from the right.
  CHECK(corners == std::set<uint8_t>{0, 3, 6, 9, 12, 15, 18});
}

TEST_CASE("every fifth picture validates with a share of a fifth") {
  const TempDir temp;
  auto options = options_for(test::write_idx(temp, "train", 20, 4).string());
  options.validation = 0.2;
  options.test_path = test::write_idx(temp, "t10k", 6, 4).string();
  const PictureData data(options, 4);
  CHECK(data.size(Split::train) == 16);
  CHECK(data.size(Split::val) == 4);
  CHECK(data.size(Split::test) == 6);
  CHECK(data.is_fixed());
  CHECK(data.channels() == 1);
  const std::vector<int64_t> items{1, 3};
  const auto batch = data.batch(Split::val, items, nullptr);
  CHECK(batch.labels.equal(at::tensor({int64_t{1}, int64_t{1}})));  // pictures 9 and 19
  REQUIRE(batch.images.sizes() == at::IntArrayRef({2, 3, 4, 4}));
  const auto expected = test::idx_picture(9, 4);
  for (int64_t c = 0; c < 3; ++c)
    CHECK(batch.images[0][c][0][1].item<float>() == Approx(expected[1] / 127.5F - 1.0F));
}

TEST_CASE("augmented pictures, and those of a folder, are not fixed") {
  const TempDir temp;
  auto options = options_for(test::write_idx(temp, "train", 20, 4).string());
  options.flip = true;
  CHECK_FALSE(PictureData(options, 4).is_fixed());
  options.flip = false;
  options.resize = 1.125;
  CHECK_FALSE(PictureData(options, 4).is_fixed());
  test::write_picture(temp / "folder/a/1.png", 4, 4);
  CHECK_FALSE(PictureData(options_for((temp / "folder").string()), 4).is_fixed());
}

TEST_CASE("labels beyond the model's classes and test classes of another folder are refused") {
  const TempDir temp;
  const PictureData data(options_for(test::write_idx(temp, "train", 20, 4).string()), 4);
  CHECK_NOTHROW(data.check_labels(Config(2, "c.json", "/model/num_classes")));
  CHECK_THROWS_WITH(data.check_labels(Config(1, "c.json", "/model/num_classes")),
                    ContainsSubstring("c.json: /model/num_classes: 1 classes, but a picture"));
  test::write_picture(temp / "train/cat/1.png", 4, 4);
  test::write_picture(temp / "test/dog/1.png", 4, 4);
  auto options = options_for((temp / "train").string());
  options.test_path = (temp / "test").string();
  CHECK_THROWS_WITH(PictureData(options, 4), ContainsSubstring("expected the same sub-folders"));
  options.test_path.clear();
  options.validation = 0.99;
  CHECK_NOTHROW(PictureData(options, 4));
}
