#include "speech/vocabulary.h"

#include "core/error.h"
#include "speech/edit_distance.h"
#include "speech/manifest.h"
#include "speech/yaml_config.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::speech;
using test::TempDir;

TEST_CASE("tokens become a text by their script") {
  const auto [tokens, text] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"今", "天", "好"}, "今天好"},
      {{"hel@@", "lo", "world"}, "hello world"},
      {{"two", "nine", "</s>"}, "two nine"},
      {{"我", "用", "i", "b", "m", "电", "脑"}, "我用IBM电脑"},
      {{"我", "hel@@", "lo", "world", "好"}, "我hello world好"},
      {{"<unk>"}, ""},
  }));
  CHECK(joined_text(tokens) == text);
}

TEST_CASE("labels are split into words, or into characters without spaces") {
  CHECK(split_units(" two  nine ", Vocabulary::Units::words) == std::vector<std::string>{"two", "nine"});
  CHECK(split_units("今 a", Vocabulary::Units::characters) == std::vector<std::string>{"今", "a"});
  const Vocabulary vocabulary({"<blank>", "one", "two"}, Vocabulary::Units::words);
  CHECK(vocabulary.encode("two one ten") == std::vector<int64_t>{2, 1, -1});
}

TEST_CASE("token files are lists of texts or lines") {
  const TempDir temp;
  CHECK(Vocabulary::open(temp.write("tokens.json", "[\"a\", \"b\"]"), Vocabulary::Units::words).size() == 2);
  CHECK(Vocabulary::open(temp.write("tokens.txt", "a\nb\nc\n"), Vocabulary::Units::words).token(2) == "c");
  CHECK_THROWS_WITH(Vocabulary::open(temp.write("c.json", "[1]"), Vocabulary::Units::words),
                    ContainsSubstring("c.json: token 0 is no text"));
  CHECK_THROWS_WITH(Vocabulary::open(temp.write("d.json", "[]"), Vocabulary::Units::words),
                    ContainsSubstring("d.json: no tokens"));
}

TEST_CASE("errors are counted by their kind") {
  const auto edits = edit_counts({1, 2, 3, 4}, {1, 5, 4, 6});
  CHECK(edits.errors() == 3);
  CHECK(edits.substitutions + edits.deletions + edits.insertions == 3);
  CHECK(edits.tokens == 4);
  CHECK(edit_counts({1, 2}, {}).deletions == 2);
  CHECK(edit_counts({}, {1, 2}).insertions == 2);
  CHECK(edit_counts({1, 2, 3}, {1, 7, 3}).substitutions == 1);
}

TEST_CASE("a manifest's paths are its own folder's") {
  const TempDir temp;
  const auto lines = read_manifest(temp.write("m.tsv", "# said\na.wav\ttwo nine\r\n\n/b.wav\n"));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].path == temp / "a.wav");
  CHECK(lines[0].text == "two nine");
  CHECK(lines[1].path == "/b.wav");
  CHECK_FALSE(lines[1].has_text);
  CHECK_THROWS_WITH(read_manifest(temp.write("n.tsv", "\n")), ContainsSubstring("n.tsv: no recordings"));
}

TEST_CASE("YAML becomes a config, within limits") {
  const TempDir temp;
  const auto config = load_yaml(temp.write("a.yaml", "a: 1\nb: [0.5, yes, true, ~]\nc: {d: \"7\"}\n"));
  CHECK(config.json().dump() == R"({"a":1,"b":[0.5,"yes",true,null],"c":{"d":"7"}})");
  CHECK_THROWS_WITH(load_yaml(temp.write("b.yaml", "a: [1\nb: 2")), ContainsSubstring("b.yaml:"));
  std::string laughs = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n";
  for (int i = 1; i < 9; ++i) {
    const auto before = "*a" + std::to_string(i - 1), name = std::to_string(i);
    laughs += "a" + name + ": &a" + name + " [";
    for (int k = 0; k < 9; ++k) laughs += (k == 0 ? "" : ",") + before;
    laughs += "]\n";
  }
  CHECK_THROWS_WITH(load_yaml(temp.write("c.yaml", laughs)),
                    ContainsSubstring("c.yaml: more than 200000 values"));
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "[";
  CHECK_THROWS_AS(load_yaml(temp.write("d.yaml", deep)), ConfigError);
}
