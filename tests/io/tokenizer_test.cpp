#include "io/tokenizer.h"

#include "core/error.h"
#include "io/pre_tokenizer.h"
#include "io/unicode.h"
#include "support/processor_time.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;

namespace {

std::vector<std::string> pieces_of(const io::PreTokenizer& how, const std::string& text) {
  std::vector<std::string> pieces;
  for (const auto piece : how.split(text)) pieces.emplace_back(piece);
  return pieces;
}

using Pieces = std::vector<std::string>;

/// Letters a, b and their pair.
const std::string kVocabulary = R"({"a": 0, "b": 1, "ab": 2})";

std::string tokenizer_json(const std::string& normalizer, const std::string& pre_tokenizer,
                           const std::string& model) {
  return R"({"added_tokens": [], "normalizer": )" + normalizer + R"(, "pre_tokenizer": )" + pre_tokenizer +
         R"(, "model": )" + model + "}";
}

const std::string kByteLevel = R"({"type": "ByteLevel", "add_prefix_space": false})";
const std::string kModel = R"({"type": "BPE", "vocab": )" + kVocabulary + R"(, "merges": ["a b"]})";

}  // namespace

TEST_CASE("bytes are their own ids, and any bytes come back") {
  const auto tokenizer = io::byte_tokenizer();
  CHECK(tokenizer->encode("a\xFF") == std::vector<int64_t>{97, 255});
  CHECK(tokenizer->decode({104, 105, 256}) == "hi");
  CHECK(tokenizer->decode({0xFF}) == "\xEF\xBF\xBD");
  CHECK(tokenizer->end() == 256);
  CHECK_THROWS_AS(tokenizer->bytes_of(257, false), UsageError);
}

TEST_CASE("a stream of bytes holds an unfinished character back") {
  const auto tokenizer = io::byte_tokenizer();
  io::TextStream stream(*tokenizer);
  CHECK(stream.add('a') == "a");
  CHECK(stream.add(0xC3) == "");
  CHECK(stream.add(0xA9) == "\xC3\xA9");
  CHECK(stream.add(0xE2) == "");
  CHECK(stream.finish() == "\xEF\xBF\xBD");
}

TEST_CASE("GPT-2's pattern leaves the last space of a run to the next word") {
  const io::PreTokenizer gpt2;
  CHECK(pieces_of(gpt2, "It's 12  of\tthe  ") == Pieces{"It", "'s", " 12", " ", " of", "\t", "the", "  "});
  CHECK(pieces_of(gpt2, "DON'T!") == Pieces{"DON", "'", "T", "!"});
  CHECK(pieces_of(gpt2, "").empty());
}

TEST_CASE("LLaMA 3's pattern takes digits by three, Qwen2's one by one, and line ends together") {
  const io::PreTokenizer llama{.pattern = io::PreTokenizer::Pattern::llama3, .digits = 3};
  const io::PreTokenizer qwen{.pattern = io::PreTokenizer::Pattern::llama3, .digits = 1};
  CHECK(pieces_of(llama, "DON'T 12345!\n\n  x") == Pieces{"DON", "'T", " ", "123", "45", "!\n\n", " ", " x"});
  CHECK(pieces_of(qwen, "12") == Pieces{"1", "2"});
  CHECK(pieces_of(llama, "a \n b") == Pieces{"a", " \n", " b"});
}

TEST_CASE("normalisation form C composes, reorders marks and leaves other bytes alone") {
  CHECK(io::unicode::nfc("e\u0301") == "\u00e9");
  CHECK(io::unicode::nfc("q\u0307\u0323") == "q\u0323\u0307");
  CHECK(io::unicode::nfc("\u1100\u1161\u11a8") == "\uac01");
  CHECK(io::unicode::nfc("\u2126") == "\u03a9");
  CHECK(io::unicode::nfc("plain \xFF text") == "plain \xFF text");
}

TEST_CASE("the pair of lowest rank is merged first, in vocab.json and merges.txt or in tokenizer.json") {
  const TempDir temp;
  temp.write("vocab.json", kVocabulary);
  temp.write("merges.txt", "#version: 0.2\na b\n");
  const auto json = temp.write("t/tokenizer.json", tokenizer_json("null", kByteLevel, kModel));
  for (const auto& tokenizer : {io::open_tokenizer(temp.path()), io::open_tokenizer(json)}) {
    CHECK(tokenizer->encode("aabb") == std::vector<int64_t>{0, 2, 1});
    CHECK(tokenizer->decode({0, 2, 1}) == "aabb");
  }
}

TEST_CASE("a part of a tokenizer that is not known is refused by its name") {
  const TempDir temp;
  const auto [text, message] = GENERATE_COPY(table<std::string, std::string>({
      {tokenizer_json(R"({"type": "Lowercase"})", kByteLevel, kModel), "/normalizer/type: \"Lowercase\""},
      {tokenizer_json("null", R"({"type": "Whitespace"})", kModel), "/pre_tokenizer/type: \"Whitespace\""},
      {tokenizer_json("null", R"({"type": "Split", "pattern": {"Regex": "x+"}})", kModel),
       "/pre_tokenizer/pattern"},
      {tokenizer_json("null", kByteLevel, R"({"type": "WordLevel", "vocab": {}, "merges": []})"),
       "\"WordLevel\""},
      {tokenizer_json("null", kByteLevel, R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]})"),
       "needs \"b\""},
      {tokenizer_json("null", kByteLevel, R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["ab"]})"),
       "is no merge"},
      {tokenizer_json("null", kByteLevel, R"({"type": "BPE", "vocab": {"a": 99999999}, "merges": []})"),
       "/a"},
      {"[]", "expected an object"},
  }));
  INFO(message);
  const auto path = temp.write("tokenizer.json", text);
  CHECK_THROWS_WITH(io::open_tokenizer(path), ContainsSubstring(message));
  CHECK_THROWS_AS(io::open_tokenizer(path), DataError);
}

TEST_CASE("a long piece is merged in a time that grows with its length") {
  const TempDir temp;
  const auto tokenizer =
      io::open_tokenizer(temp.write("tokenizer.json", tokenizer_json("null", kByteLevel, kModel)));
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "ab";
  const auto start = test::processor_seconds();
  CHECK(tokenizer->encode(text).size() == 200000);
  CHECK(test::processor_seconds() - start < 20);
}

TEST_CASE("bytes that are no UTF-8 are counted where the tokenizer replaces them") {
  const auto pieces = io::open_tokenizer(test::fs::path(ARZOO_SOURCE_DIR) /
                                         "tests/fixtures/language/tokenizer_sp_bpe/tokenizer.model");
  CHECK(pieces->replaced_bytes("na\xc3\xafve") == 0);
  CHECK(pieces->replaced_bytes("a\xff\xc3(\xe2\x82") == 4);
  CHECK(io::byte_tokenizer()->replaced_bytes("\xff") == 0);
}

TEST_CASE("a SentencePiece file that is cut, or none, is refused") {
  const TempDir temp;
  const auto whole = test::read_file(test::fs::path(ARZOO_SOURCE_DIR) /
                                     "tests/fixtures/language/tokenizer_sp_bpe/tokenizer.model");
  REQUIRE(whole.size() > 1000);
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, whole.size() / 2, whole.size() - 1}) {
    const auto path = temp.write("cut.model", whole.substr(0, size));
    try {
      const auto tokenizer = io::open_tokenizer(path);
      tokenizer->encode("some text");  // cut between two pieces it is a smaller model
    } catch (const DataError& error) {
      CHECK_THAT(error.what(), ContainsSubstring("cut.model"));
    }
  }
  CHECK_THROWS_AS(io::open_tokenizer(temp.write("text.model", "no model at all")), DataError);
  CHECK_THROWS_AS(io::open_tokenizer(temp.write("empty.model", "")), DataError);
}
