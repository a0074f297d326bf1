#include "forecast/data/sequences.h"

#include <cstring>

#include "core/error.h"
#include "forecast/data/sequence_windows.h"
#include "support/pickles.h"
#include "support/test.h"

using namespace arzoo;
using forecast::open_sequences;
using forecast::SequenceScale;
using forecast::SequenceWindows;
using test::TempDir;
using namespace std::string_literals;

namespace {

std::string bytes_of(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// Three numbers in two files, one series of all of them, and one stored less its mean.
void write_binary(const TempDir& temp, const std::string& folder, const std::string& meta) {
  temp.write(folder + "/data-1-of-10.bin", bytes_of({1, 2}));
  temp.write(folder + "/data-10-of-10.bin", bytes_of({3}));
  temp.write(folder + "/meta.json", meta);
}

std::string meta(const std::string& scales, const std::string& dtype = "float32",
                 const std::string& files = R"({"data-10-of-10.bin": 1, "data-1-of-10.bin": 2})") {
  return fmt::format(R"({{"num_sequences": 1, "dtype": "{}", "files": {}, "scales": {}}})", dtype, files,
                     scales);
}

/// A .npy file of version 1; header: the items of its dict.
std::string npy(const std::string& header, const std::string& numbers) {
  const std::string text = "{" + header + "}\n";
  return "\x93NUMPY\x01"s + '\0' + static_cast<char>(text.size()) + '\0' + text + numbers;
}

/// Opcodes of numpy.array([1.5, -2], float32), as NumPy's __reduce__ has them.
std::string pickled_array() {
  const auto type = "cnumpy\ndtype\n" + test::pickled_text("f4") + "\x89\x88\x87R(K\x03" +
                    test::pickled_text("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"s;
  return "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"s +
         "C\x01"
         "b\x87R(K\x01K\x02\x85" +
         type +
         "\x89"
         "C\x08" +
         bytes_of({1.5F, -2.0F}) + "tb";
}

}  // namespace

TEST_CASE("lines hold a list or an object with a sequence, files lists of these") {
  const TempDir temp;
  const auto lines = open_sequences(temp.write("a.jsonl", "[1, 2.5]\n\n{\"sequence\": [3]}\n"));
  REQUIRE(lines->size() == 2);
  CHECK(lines->values(0) == std::vector<double>{1, 2.5});
  CHECK(lines->length(1) == 1);
  const auto list = open_sequences(temp.write("b.json", R"([{"sequence": [4, 5]}, [6]])"));
  REQUIRE(list->size() == 2);
  CHECK(list->values(1) == std::vector<double>{6});
}

TEST_CASE("each row of a NumPy matrix is a series, a vector is one") {
  const TempDir temp;
  const std::string head = "'descr': '<f4', 'fortran_order': False, 'shape': ";
  const auto matrix =
      open_sequences(temp.write("a.npy", npy(head + "(2, 3), ", bytes_of({1, 2, 3, 4, 5, 6}))));
  REQUIRE(matrix->size() == 2);
  CHECK(matrix->length(1) == 3);
  CHECK(matrix->values(1) == std::vector<double>{4, 5, 6});
  const auto vector = open_sequences(temp.write("b.npy", npy(head + "(3,), ", bytes_of({1, 2, 3}))));
  REQUIRE(vector->size() == 1);
  CHECK(vector->values(0) == std::vector<double>{1, 2, 3});
}

TEST_CASE("a pickle's lists, dicts and NumPy arrays are series, and nothing of it is called") {
  const TempDir temp;
  const auto sequences = open_sequences(temp.write("a.pkl",
                                                   "\x80\x04](](K\x01G\x40\x04\x00\x00\x00\x00\x00\x00"
                                                   "e}"s +
                                                       test::pickled_item("sequence",
                                                                          "]K\x07"
                                                                          "a") +
                                                       pickled_array() + "e."));
  REQUIRE(sequences->size() == 3);
  CHECK(sequences->values(0) == std::vector<double>{1, 2.5});
  CHECK(sequences->values(1) == std::vector<double>{7});
  CHECK(sequences->values(2) == std::vector<double>{1.5, -2});
}

TEST_CASE("binary series cross from file to file in the order of the files' numbers, and are denormalised") {
  const TempDir temp;
  write_binary(temp, "bin", meta(R"([{"offset": 0, "length": 3},
                                     {"offset": 1, "length": 2, "mean": 10, "std": 2}])"));
  const auto sequences = open_sequences(temp / "bin");
  REQUIRE(sequences->size() == 2);
  CHECK(sequences->values(0) == std::vector<double>{1, 2, 3});
  CHECK(sequences->values(1) == std::vector<double>{14, 16});
}

TEST_CASE("a folder holds all that is in it and below, in the order of the names") {
  const TempDir temp;
  temp.write("all/c.jsonl", "[30]\n[31]\n");
  temp.write("all/a/x.json", "[[10]]");
  temp.write("all/readme.txt", "not data");
  write_binary(temp, "all/b", meta(R"([{"offset": 0, "length": 3}])"));
  const auto sequences = open_sequences(temp / "all");
  REQUIRE(sequences->size() == 4);
  CHECK(sequences->values(0) == std::vector<double>{10});
  CHECK(sequences->length(1) == 3);
  CHECK(sequences->values(3) == std::vector<double>{31});
}

TEST_CASE("what cannot be read is named with its place") {
  const TempDir temp;
  const auto [file, content, text] = GENERATE(table<std::string, std::string, std::string>(
      {{"a.jsonl", "[1]\n[1, null]\n", "a.jsonl:2: /sequence/1: expected"},
       {"a.jsonl", "[1]\n{\"values\": [1]}\n", "a.jsonl:2: /: the key \"sequence\" is missing"},
       {"a.jsonl", "[1\n", "a.jsonl:1"},
       {"a.json", "{\"sequence\": [1]}", "a.json"},
       {"a.csv", "1,2\n", "a.csv: not a file of sequences"},
       {"a.npy", "\x93NUMPY", "a.npy: ends inside"},
       {"a.npy", npy("'descr': '|O', 'fortran_order': False, 'shape': (3,), ", ""), "type \"|O\", expected"},
       {"a.npy", npy("'descr': '<f4', 'fortran_order': True, 'shape': (3, 1), ", ""), "Fortran order"},
       {"a.npy", npy("'descr': '<f4', 'fortran_order': False, 'shape': (9, 9), ", "1234"),
        "4 bytes of numbers"},
       {"a.npy", npy("'descr': '<f4', 'fortran_order': False, 'shape': (999999999, 0), ", ""), "no numbers"},
       {"a.npy", npy("'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1), ", "1234"), "3 dimensions"},
       {"a.pkl",
        "\x80\x04]K\x01"
        "a.",
        "series 0: expected a list of numbers"},
       {"a.pkl", "\x80\x04" + test::pickled_call("ls") + ".", "refuses to import or call"},
       {"a.pkl", "\x80\x04}.", "expected a list of series"},
       {"a.pkl",
        "\x80\x04](]K\x01"
        "aNe.",
        "series 1: expected"}}));
  const auto path = temp.write(file, content);
  INFO(content);
  CHECK_THROWS_WITH(open_sequences(path), ContainsSubstring(text));
  CHECK_THROWS_AS(open_sequences(path), DataError);
}

TEST_CASE("binary data that do not fit their meta.json are refused") {
  const TempDir temp;
  const std::string whole = R"([{"offset": 0, "length": 3}])";
  const auto [text, why] = GENERATE_COPY(table<std::string, std::string>(
      {{meta(R"([{"offset": 1, "length": 3}])"), "beyond the 3"},
       {meta(R"([{"offset": 900000000000000, "length": 1}])"), "beyond the 3"},
       {meta(R"([{"offset": -1, "length": 1}])"), "/scales/0/offset"},
       {meta(whole, "float16"), "float32 or float64"},
       {meta(whole, "float64"), "expected 8 for 1"},
       {meta(whole, "float32", R"({"data-1-of-10.bin": 5})"), "expected 20"},
       {meta(whole, "float32", R"({"data.bin": 2})"), "no number"},
       {meta(whole, "float32", R"({"../bin/data-1-of-10.bin": 2})"), "plain file name"}}));
  write_binary(temp, "bin", text);
  INFO(text);
  CHECK_THROWS_WITH(open_sequences(temp / "bin"), ContainsSubstring(why));
}

TEST_CASE("windows start at every stride as far as they are whole, a short series is padded") {
  const TempDir temp;
  const auto sequences = open_sequences(temp.write("a.jsonl", "[0,1,2,3,4,5,6,7,8]\n[7]\n[5,6]\n"));
  const SequenceWindows windows(*sequences, SequenceScale::none, 4, 2);
  REQUIRE(windows.size() == 4);
  CHECK(windows.place(2).offset == 4);
  CHECK(windows.place(3).sequence == 2);
  const auto batch = windows.batch(std::vector<int64_t>{2, 3});
  CHECK(
      at::equal(batch.input_ids, at::tensor({4.0F, 5.0F, 6.0F, 7.0F, 5.0F, 6.0F, 0.0F, 0.0F}).view({2, 4})));
  CHECK(at::equal(batch.labels, at::tensor({5.0F, 6.0F, 7.0F, 8.0F, 6.0F, 0.0F, 0.0F, 0.0F}).view({2, 4})));
  CHECK(at::equal(batch.loss_masks, at::tensor({1, 1, 1, 1, 1, 0, 0, 0}, at::kLong).view({2, 4})));
}

TEST_CASE("packed windows go on where the one before ended, and no label counts that starts a series") {
  const TempDir temp;
  const auto sequences = open_sequences(temp.write("a.jsonl", "[0,1,2,3,4,5,6]\n[7]\n[10,11]\n[20,21,22]\n"));
  const SequenceWindows windows(*sequences, {0, 1, 2, 3}, SequenceScale::none, forecast::SequenceCut::packed,
                                4, {});
  // 12 points without the series of one: two windows of five, two points left.
  REQUIRE(windows.size() == 2);
  CHECK(windows.place(1).sequence == 0);
  CHECK(windows.place(1).offset == 5);
  const auto batch = windows.batch(std::vector<int64_t>{0, 1});
  CHECK(at::equal(batch.input_ids,
                  at::tensor({0.0F, 1.0F, 2.0F, 3.0F, 5.0F, 6.0F, 10.0F, 11.0F}).view({2, 4})));
  CHECK(
      at::equal(batch.labels, at::tensor({1.0F, 2.0F, 3.0F, 4.0F, 6.0F, 10.0F, 11.0F, 20.0F}).view({2, 4})));
  CHECK(at::equal(batch.loss_masks, at::tensor({1, 1, 1, 1, 1, 0, 1, 0}, at::kLong).view({2, 4})));
}

TEST_CASE("only the chosen series give windows") {
  const TempDir temp;
  const auto sequences = open_sequences(temp.write("a.jsonl", "[0,1]\n[2,3]\n[4,5]\n"));
  const SequenceWindows windows(*sequences, {0, 2}, SequenceScale::none, forecast::SequenceCut::apart, 1, {});
  REQUIRE(windows.size() == 2);
  CHECK(windows.place(1).sequence == 2);
  CHECK(windows.batch(std::vector<int64_t>{1}).labels.item<float>() == 5.0F);
}
