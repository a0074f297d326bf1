#include "io/unigram_tokenizer.h"

#include "core/json_reader.h"
#include "core/text_file.h"
#include "io/base64.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;

namespace {

constexpr const char* kMark = "\xe2\x96\x81";

/// The pieces <unk>, </s>, "▁the", "▁", "t", "h", "e", "▁cat", "s" with their scores.
Json unigram_json() {
  const auto mark = std::string(kMark);
  Json vocabulary = Json::array();
  for (const auto& [name, score] : std::vector<std::pair<std::string, double>>{{"<unk>", 0.0},
                                                                               {"</s>", 0.0},
                                                                               {mark + "the", -2.0},
                                                                               {mark, -3.0},
                                                                               {"t", -4.0},
                                                                               {"h", -4.0},
                                                                               {"e", -4.0},
                                                                               {mark + "cat", -5.0},
                                                                               {"s", -4.5}})
    vocabulary.push_back(Json::array({name, score}));
  return {{"added_tokens",
           Json::array({{{"id", 1}, {"content", "</s>"}, {"special", true}, {"normalized", false}}})},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", mark}, {"add_prefix_space", true}}},
          {"post_processor", nullptr},
          {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocabulary}}}};
}

std::vector<int64_t> ids_of(const Json& file, const std::string& text) {
  return io::unigram_tokenizer(Config(file, "tokenizer.json"))->encode(text);
}

}  // namespace

TEST_CASE("words are cut into their likeliest pieces, neighbours without a piece are one unknown") {
  const auto file = unigram_json();
  CHECK(ids_of(file, "the cats") == std::vector<int64_t>{2, 7, 8});
  CHECK(ids_of(file, "het") == std::vector<int64_t>{3, 5, 6, 4});
  CHECK(ids_of(file, "the xyz") == std::vector<int64_t>{2, 3, 0});
  CHECK(ids_of(file, "the</s> cats") == std::vector<int64_t>{2, 1, 7, 8});
  CHECK(ids_of(file, "").empty());
  const auto tokenizer = io::unigram_tokenizer(Config(file, "tokenizer.json"));
  CHECK(tokenizer->decode({2, 7, 8, 1}) == "the cats");
  CHECK(tokenizer->end() == 1);
  CHECK(tokenizer->kind() == "Unigram");
}

TEST_CASE("spaces between words are marks, or leave with WhitespaceSplit, and a mark may not stand first") {
  auto file = unigram_json();
  CHECK(ids_of(file, "the  cats ") == std::vector<int64_t>{2, 3, 7, 8, 3});
  file["pre_tokenizer"]["prepend_scheme"] = "never";
  CHECK(ids_of(file, "the the") == std::vector<int64_t>{4, 5, 6, 2});
  file["pre_tokenizer"]["prepend_scheme"] = "first";
  CHECK(ids_of(file, "the</s>the") == std::vector<int64_t>{2, 1, 4, 5, 6});
  file = unigram_json();
  file["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers", Json::array({{{"type", "WhitespaceSplit"}}, file["pre_tokenizer"]})}};
  CHECK(ids_of(file, "  the \t cats\n") == std::vector<int64_t>{2, 7, 8});
  file = unigram_json();
  file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}};
  CHECK(ids_of(file, "the   cats") == std::vector<int64_t>{2, 7, 8});
  file["normalizer"] = {{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}};
  CHECK(ids_of(file, "the \t ") == std::vector<int64_t>{2});
}

TEST_CASE("bytes stand for characters without a piece where the file says so") {
  auto file = unigram_json();
  for (int byte = 0; byte < 256; ++byte)
    file["model"]["vocab"].push_back(Json::array({fmt::format("<0x{:02X}>", byte), -20.0}));
  file["model"]["byte_fallback"] = true;
  CHECK(ids_of(file, "the\xc3\xa9") == std::vector<int64_t>{2, 9 + 0xC3, 9 + 0xA9});
  const auto tokenizer = io::unigram_tokenizer(Config(file, "tokenizer.json"));
  CHECK(tokenizer->decode({2, 9 + 0xC3, 9 + 0xA9}) == "the\xc3\xa9");
}

TEST_CASE("a Unigram's part that is not supported is named") {
  const auto refused = [](const char* key, const Json& part) {
    auto file = unigram_json();
    file[key] = part;
    try {
      io::unigram_tokenizer(Config(file, "tokenizer.json"));
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(refused("normalizer", {{"type", "NFKD"}}), ContainsSubstring("NFKD"));
  CHECK_THAT(refused("normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "%%"}}),
             ContainsSubstring("base64"));
  CHECK_THAT(refused("pre_tokenizer", {{"type", "Punctuation"}}), ContainsSubstring("Punctuation"));
  CHECK_THAT(refused("pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "_"}}),
             ContainsSubstring("replacement"));
  CHECK_THAT(refused("model", {{"type", "Unigram"}, {"vocab", Json::array({Json::array({"a", "b"})})}}),
             ContainsSubstring("/model/vocab/0/1"));
  CHECK_THAT(refused("model",
                     {{"type", "Unigram"}, {"unk_id", 5}, {"vocab", Json::array({Json::array({"a", 0.0})})}}),
             ContainsSubstring("unk_id"));
}

TEST_CASE("base64 is read with and without padding, and nothing else") {
  CHECK(io::base64_bytes("aGVsbG8=") == "hello");
  CHECK(io::base64_bytes("aGVsbG8") == "hello");
  CHECK(io::base64_bytes("AP8A") == std::string("\0\xff\0", 3));
  CHECK_FALSE(io::base64_bytes("aGVs bG8="));
  CHECK_FALSE(io::base64_bytes("aGVsb"));
}
