#include "io/npy_file.h"

#include "core/error.h"
#include "support/numpy.h"

using namespace arzoo;
using namespace std::string_literals;
using test::npy;
using test::TempDir;
using test::zip;

namespace {

const std::string kTwoByOne =
    npy("'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), ", "\0\0\x80\x3f\0\0\0\xc0"s);

}  // namespace

TEST_CASE("an array's type, shape and numbers are read") {
  const auto array = io::parse_npy(kTwoByOne, "a.npy");
  CHECK(array.shape == std::vector<int64_t>{2, 1});
  CHECK(array.type.read(array.bytes) == std::vector<double>{1.0, -2.0});
  const auto seven = npy("'descr': '|u1', 'fortran_order': False, 'shape': (), ", "\7");
  const auto scalar = io::parse_npy(seven, "a.npy");
  CHECK(scalar.shape.empty());
  CHECK(scalar.type.read(scalar.bytes) == std::vector<double>{7.0});
}

TEST_CASE("arrays of an archive have names, the one of a .npy file has none") {
  const TempDir temp;
  const io::NpzFile archive(temp.write("a.npz", zip({{"mu.npy", kTwoByOne}})));
  CHECK(archive.arrays() == std::vector<std::string>{"mu"});
  CHECK(archive.at("mu").shape == std::vector<int64_t>{2, 1});
  CHECK_FALSE(archive.contains(""));
  CHECK_THROWS_WITH(archive.at("sigma"), ContainsSubstring("a.npz: no array \"sigma\", only \"mu\""));
  const io::NpzFile single(temp.write("b.npy", kTwoByOne));
  CHECK(single.arrays() == std::vector<std::string>{""});
  CHECK(single.at("").shape == std::vector<int64_t>{2, 1});
}

TEST_CASE("what is no array or archive is refused by name, with the remedy") {
  const TempDir temp;
  CHECK_THROWS_WITH(io::NpzFile(temp.write("c.npz", zip({{"mu.npy", kTwoByOne}}, 8))),
                    ContainsSubstring("c.npz: ") && ContainsSubstring("numpy.savez"));
  CHECK_THROWS_WITH(io::NpzFile(temp.write("d.npz", "text")), ContainsSubstring("d.npz: not a NumPy file"));
  CHECK_THROWS_AS(io::NpzFile(temp.write("e.npz", "PK\3\4 and no directory")), DataError);
  CHECK_THROWS_AS(io::NpzFile(temp / "missing.npz"), DataError);
  CHECK_THROWS_WITH(
      io::parse_npy(
          npy("'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), ", "1234"),
          "f.npy"),
      ContainsSubstring("f.npy: 4 bytes of numbers"));
}

TEST_CASE("an array that was written is read back") {
  const std::string numbers = "\0\0\x80\x3f\0\0\0\xc0"s;
  const auto bytes = io::npy_bytes({io::NumberType{}, {2, 1}, numbers});
  CHECK(bytes.find('\n') % 64 == 63);  // NumPy wants its data aligned
  const auto array = io::parse_npy(bytes, "a.npy");
  CHECK(array.shape == std::vector<int64_t>{2, 1});
  CHECK(array.bytes == numbers);
  const auto row = io::npy_bytes({io::NumberType{}, {2}, numbers});
  CHECK(io::parse_npy(row, "a.npy").shape == std::vector<int64_t>{2});
}
