#include "image/picture_set.h"

#include "core/error.h"
#include "io/png_file.h"
#include "support/pictures.h"

using namespace arzoo;
using image::open_pictures;
using test::TempDir;
namespace fs = std::filesystem;

TEST_CASE("a folder's classes are its sub-folders and its pictures PNG and JPEG files, sorted by name") {
  const TempDir temp;
  test::write_picture(temp / "b/2.png", 4, 3);
  test::write_picture(temp / "b/1.PNG", 5, 3);
  test::write_picture(temp / "b/deeper/3.png", 6, 3);
  temp.write("b/notes.txt", "not a picture");
  temp.write("a/0.jpeg", test::read_file(test::source_dir() / "tests/fixtures/pictures/grey.jpg"));
  const auto set = open_pictures(temp.path(), {}, {});
  CHECK(set->class_names() == std::vector<std::string>{"a", "b"});
  REQUIRE(set->size() == 4);
  CHECK(set->common_side() == 0);
  std::vector<int64_t> labels, widths;
  for (int64_t i = 0; i < set->size(); ++i) {
    labels.push_back(set->label(i));
    widths.push_back(set->picture(i).width);
  }
  CHECK(labels == std::vector<int64_t>{0, 1, 1, 1});
  CHECK(widths == std::vector<int64_t>{10, 5, 4, 6});
}

TEST_CASE("an IDX file's pictures go with the labels beside it") {
  const TempDir temp;
  const auto path = test::write_idx(temp, "train", 5, 3);
  const auto set = open_pictures(path, {}, {"zero", "one"});
  CHECK(set->size() == 5);
  CHECK(set->common_side() == 3);
  CHECK(set->label(3) == 1);
  const auto picture = set->picture(2);
  CHECK(picture.channels == 1);
  CHECK(picture.pixels == test::idx_picture(2, 3));
  CHECK(open_pictures(path, temp / "train-labels-idx1-ubyte", {})->class_names().empty());
}

TEST_CASE("pictures that cannot be used are refused with the file and the remedy") {
  const TempDir temp;
  const auto refusal = [&](const fs::path& path, const std::vector<std::string>& classes = {}) {
    try {
      open_pictures(path, {}, classes);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK_THAT(refusal(temp / "missing"), ContainsSubstring("no such file or folder"));
  fs::create_directories(temp / "empty");
  CHECK_THAT(refusal(temp / "empty"), ContainsSubstring("no sub-folders"));
  fs::create_directories(temp / "holes/cats");
  CHECK_THAT(refusal(temp / "holes"), ContainsSubstring("holes/cats: no pictures of this class"));
  CHECK_THAT(refusal(temp / "empty", {"a"}), ContainsSubstring("leave out data.classes"));
  CHECK_THAT(refusal(temp.write("alone-images-idx3-ubyte", "")), ContainsSubstring("alone-images"));
  CHECK_THAT(refusal(test::write_idx(temp, "t", 4, 3), {"only"}), ContainsSubstring("label 1 is 1"));
  const auto pictures = test::write_idx(temp, "u", 4, 3);
  fs::remove(temp / "u-labels-idx1-ubyte");
  CHECK_THAT(refusal(pictures),
             ContainsSubstring("no labels beside it") && ContainsSubstring("u-labels-idx1"));
  test::write_picture(temp / "strips/a/1.png", 65, 1);
  CHECK_THROWS_WITH(open_pictures(temp / "strips", {}, {})->picture(0), ContainsSubstring("65x1 pixels"));
  temp.write("v/a/broken.png", "not a picture");
  CHECK_THROWS_WITH(open_pictures(temp / "v", {}, {})->picture(0),
                    ContainsSubstring("broken.png: neither a PNG nor a JPEG picture"));
}
