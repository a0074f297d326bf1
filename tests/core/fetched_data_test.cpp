#include "core/fetched_data.h"

#include <set>

#include "core/error.h"
#include "core/text_file.h"
#include "support/test.h"

using namespace arzoo;

TEST_CASE(
    "each file that scripts/get_data.sh fetches is known by its place and by the script's name for it") {
  std::istringstream script(test::read_file(test::source_dir() / "scripts/get_data.sh"));
  std::set<std::string> fetched;
  bool listed = false;
  for (std::string line; std::getline(script, line);) {
    if (line.starts_with("readonly FILES")) {
      listed = true;
    } else if (line == "\"") {
      listed = false;
    } else if (listed) {
      std::istringstream row(line);
      std::string name, place;
      row >> name >> place;
      fetched.insert(name);
      CHECK(fetch_hint("data/" + place) == " (scripts/get_data.sh " + name + " fetches it)");
    }
  }
  CHECK(fetched.size() == 7);
}

TEST_CASE(
    "Fashion-MNIST is known by its folder, and a file of another place is nothing that a script fetches") {
  const std::string fashion = " (scripts/get_data.sh fashion_mnist fetches it)";
  CHECK(fetch_hint("../data/fashion_mnist") == fashion);
  CHECK(fetch_hint("data/fashion_mnist/train-images-idx3-ubyte.gz") == fashion);
  CHECK(fetch_hint("weather.csv").empty());
  CHECK(fetch_hint("mine/ETTh1.csv").empty());
  CHECK(fetch_hint("").empty());
}

TEST_CASE("a missing file of theirs is said to be fetched by the script") {
  const test::TempDir temp;
  const auto path = temp / "ETT/ETTh1.csv";
  CHECK_THROWS_WITH(read_text_file(path), path.string() +
                                              ": cannot be opened: No such file or directory "
                                              "(scripts/get_data.sh etth1 fetches it)");
}
