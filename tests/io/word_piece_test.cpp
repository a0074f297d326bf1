#include "io/word_piece.h"

#include "core/json_reader.h"
#include "core/text_file.h"
#include "core/text_lines.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

const fs::path& fixture() {
  static const fs::path folder = test::source_dir() / "tests/fixtures/word_piece";
  return folder;
}

/// A BERT's vocabulary beside a tokenizer_config.json.
std::unique_ptr<io::Tokenizer> tokenizer_with(const TempDir& temp, const std::string& config) {
  temp.write("vocab.txt", read_text_file(fixture() / "vocab.txt"));
  temp.write("tokenizer_config.json", config);
  return io::open_tokenizer(temp.path());
}

}  // namespace

TEST_CASE("texts become the ids that Hugging Face's tokenizers gives them, cased and uncased") {
  // Recorded with tokenizers 0.15.2, BertWordPieceTokenizer.
  const auto recorded = read_json<DataError>(read_text_file(fixture() / "expected.json"), "expected.json");
  for (const auto& kind : recorded) {
    const TempDir temp;
    const bool lower = kind.at("do_lower_case").get<bool>();
    const auto tokenizer =
        tokenizer_with(temp, lower ? R"({"do_lower_case": true})" : R"({"do_lower_case": false})");
    for (const auto& one : kind.at("cases")) {
      INFO(one.at("text"));
      CHECK(tokenizer->encode(one.at("text").get<std::string>()) ==
            one.at("ids").get<std::vector<int64_t>>());
    }
  }
}

TEST_CASE("without a configuration a WordPiece vocabulary is uncased") {
  const auto tokenizer = io::open_word_piece(fixture() / "vocab.txt");
  CHECK(tokenizer->kind() == "WordPiece");
  CHECK(tokenizer->prefix() == std::vector<int64_t>{2});
  CHECK(tokenizer->end() == 3);
  const auto ids = tokenizer->encode("In the BEGINNING");
  CHECK(tokenizer->decode(ids) == "in the beginning");
  CHECK(tokenizer->piece(ids.back()) == "##ning");
}

TEST_CASE("bytes that are no UTF-8 are left out") {
  const auto tokenizer = io::open_word_piece(fixture() / "vocab.txt");
  CHECK(tokenizer->encode("the\xff god\xc3") == tokenizer->encode("the god"));
}

TEST_CASE("a vocabulary without the special pieces is refused") {
  const TempDir temp;
  temp.write("vocab.txt", "[PAD]\nthe\n");
  CHECK_THROWS_WITH(io::open_tokenizer(temp.path()), ContainsSubstring("no [UNK]"));
}

TEST_CASE("a tokenizer.json of a BERT gives the ids of its vocab.txt") {
  const auto recorded = read_json<DataError>(read_text_file(fixture() / "expected.json"), "expected.json");
  Json vocabulary = Json::object(), added = Json::array();
  std::size_t id = 0;
  for (const auto& piece : lines_of(read_text_file(fixture() / "vocab.txt"))) {
    vocabulary[piece] = id;
    if (piece.starts_with("[") && piece.size() > 3 && piece.ends_with("]"))
      added.push_back({{"id", id}, {"content", piece}, {"special", true}, {"normalized", false}});
    ++id;
  }
  for (const auto& kind : recorded) {
    const TempDir temp;
    const Json file{
        {"added_tokens", added},
        {"normalizer",
         {{"type", "BertNormalizer"},
          {"clean_text", true},
          {"handle_chinese_chars", true},
          {"strip_accents", nullptr},
          {"lowercase", kind.at("do_lower_case")}}},
        {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
        {"post_processor", {{"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}}},
        {"model",
         {{"type", "WordPiece"},
          {"unk_token", "[UNK]"},
          {"continuing_subword_prefix", "##"},
          {"max_input_chars_per_word", 100},
          {"vocab", vocabulary}}}};
    temp.write("tokenizer.json", file.dump());
    const auto tokenizer = io::open_tokenizer(temp.path());
    CHECK(tokenizer->kind() == "WordPiece");
    CHECK(tokenizer->prefix() == std::vector<int64_t>{2});
    CHECK(tokenizer->end() == 3);
    for (const auto& one : kind.at("cases")) {
      INFO(one.at("text"));
      CHECK(tokenizer->encode(one.at("text").get<std::string>()) ==
            one.at("ids").get<std::vector<int64_t>>());
    }
  }
}

TEST_CASE("a WordPiece's part that is not supported is named") {
  const TempDir temp;
  const auto refused = [&](const std::string& normaliser, const std::string& splitter) {
    temp.write("tokenizer.json", R"({"normalizer": {"type": ")" + normaliser +
                                     R"("}, "pre_tokenizer": {"type": ")" + splitter +
                                     R"("}, "model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}})");
    try {
      io::open_tokenizer(temp.path());
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(refused("NFKC", "BertPreTokenizer"), ContainsSubstring("NFKC"));
  CHECK_THAT(refused("BertNormalizer", "Whitespace"), ContainsSubstring("Whitespace"));
  CHECK(refused("BertNormalizer", "BertPreTokenizer").empty());
}
