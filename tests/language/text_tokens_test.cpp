#include "language/text_tokens.h"

#include <zlib.h>

#include "language/commands/text_rows.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::language;
using runtime::Split;
using test::TempDir;

namespace {

DataOptions data_at(const test::fs::path& path) {
  DataOptions options;
  options.path = path.string();
  options.context = 4;
  options.validation_part = options.test_part = 0.25;
  return options;
}

std::vector<int64_t> row_of(const at::Tensor& rows, int64_t row) {
  return {rows[row].data_ptr<int64_t>(), rows[row].data_ptr<int64_t>() + rows.size(1)};
}

void write_gzip(const test::fs::path& path, const std::string& text) {
  gzFile file = ::gzopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  REQUIRE(::gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  REQUIRE(::gzclose(file) == Z_OK);
}

}  // namespace

TEST_CASE("rows follow one another, and the last parts of a text test and validate") {
  const TempDir temp;
  const auto path = temp.write("text.txt", "abcdefghijklmnopqrstuvwxyz01234");  // 31 bytes and an end
  const auto tokenizer = io::byte_tokenizer();
  const TextTokens text(data_at(path), *tokenizer, std::nullopt);
  CHECK(text.rows(Split::train) == 3);
  CHECK(text.rows(Split::val) == 1);
  const auto rows = text.batch(Split::train, {0, 1});
  CHECK(row_of(rows, 0) == std::vector<int64_t>{'a', 'b', 'c', 'd', 'e'});
  CHECK(row_of(rows, 1) == std::vector<int64_t>{'e', 'f', 'g', 'h', 'i'});
  CHECK(row_of(text.batch(Split::val, {0}), 0) == std::vector<int64_t>{'y', 'z', '0', '1', '2'});
  const TextTokens shifted(data_at(path), *tokenizer, 0);
  CHECK(row_of(shifted.batch(Split::train, {1}), 0) == std::vector<int64_t>{0, 'e', 'f', 'g', 'h'});
}

TEST_CASE("a folder's files and a .jsonl file's lines are documents with an end behind each") {
  const TempDir temp;
  temp.write("b.txt", "second");
  temp.write("a.jsonl", "{\"text\": \"one\"}\n\n{\"text\": \"two\"}\n");
  temp.write("c.md", "not text to train on");
  std::vector<std::string> documents;
  each_document(temp.path(), [&](std::string_view text) { documents.emplace_back(text); });
  CHECK(documents == std::vector<std::string>{"one", "two", "second"});
  temp.write("a.jsonl", "{\"text\": 3}\n");
  CHECK_THROWS_WITH(each_document(temp.path(), [](std::string_view) {}), ContainsSubstring("a.jsonl:1"));
}

TEST_CASE("a gzipped file is the text that it holds, by its name or in a folder") {
  const TempDir temp;
  write_gzip(temp / "a.txt.gz", "first");
  write_gzip(temp / "b.jsonl.gz", "{\"text\": \"second\"}\n{\"text\": \"third\"}\n");
  std::vector<std::string> documents;
  each_document(temp.path(), [&](std::string_view text) { documents.emplace_back(text); });
  CHECK(documents == std::vector<std::string>{"first", "second", "third"});
  write_gzip(temp / "c.txt.gz", "a longer text that is cut");
  const auto whole = test::read_file(temp / "c.txt.gz");
  temp.write("c.txt.gz", whole.substr(0, whole.size() - 9));
  CHECK_THROWS_WITH(each_document(temp / "c.txt.gz", [](std::string_view) {}), ContainsSubstring("c.txt.gz"));
}

TEST_CASE("the ids of a text are kept in a file, which is used until the text changes") {
  const TempDir temp;
  const auto path = temp.write("text.txt", "abcdefghijklmnopqrstuvwxyz01234");
  const auto tokenizer = io::byte_tokenizer();
  auto options = data_at(path);
  options.tokens = (temp / "kept" / "text.tokens").string();
  const TextTokens made(options, *tokenizer, std::nullopt);
  REQUIRE(test::fs::exists(options.tokens));
  const auto first = [&] {
    const TextTokens text(options, *tokenizer, std::nullopt);
    CHECK(text.summary() == made.summary());
    return row_of(text.batch(Split::train, {0}), 0);
  };
  CHECK(first() == row_of(made.batch(Split::train, {0}), 0));
  // The file is what is read: with other ids in it the rows are others.
  auto stored = runtime::open_tensors(options.tokens);
  const auto metadata = stored.metadata;
  const auto other = stored.at("ids").clone().fill_(7);
  runtime::write_safetensors(options.tokens, {{"ids", other}}, metadata);
  CHECK(first() == std::vector<int64_t>{7, 7, 7, 7, 7});
  runtime::write_safetensors(options.tokens, {{"ids", other.clone().fill_(300)}}, metadata);
  CHECK_THROWS_WITH(first(), ContainsSubstring("no ids below 257"));
  temp.write("text.txt", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456");
  const TextTokens again(options, *tokenizer, std::nullopt);
  CHECK(row_of(again.batch(Split::train, {0}), 0) == std::vector<int64_t>{'A', 'B', 'C', 'D', 'E'});
  CHECK(runtime::open_tensors(options.tokens).at("ids").numel() == 34);
}

TEST_CASE("rows by document lie within one, and what fills no row is left out") {
  const TempDir temp;
  // With their ends 10, 3 and 6 tokens.
  const auto path =
      temp.write("text.jsonl", "{\"text\": \"abcdefghi\"}\n{\"text\": \"xy\"}\n{\"text\": \"01234\"}\n");
  const auto tokenizer = io::byte_tokenizer();
  auto options = data_at(path);
  options.validation_part = options.test_part = 0.0;
  options.windows = "documents";
  const TextTokens text(options, *tokenizer, std::nullopt);
  REQUIRE(text.rows(Split::train) == 3);
  const auto rows = text.batch(Split::train, {0, 1, 2});
  CHECK(row_of(rows, 0) == std::vector<int64_t>{'a', 'b', 'c', 'd', 'e'});
  CHECK(row_of(rows, 1) == std::vector<int64_t>{'e', 'f', 'g', 'h', 'i'});
  CHECK(row_of(rows, 2) == std::vector<int64_t>{'0', '1', '2', '3', '4'});
  const TextTokens shifted(options, *tokenizer, 0);
  REQUIRE(shifted.rows(Split::train) == 3);
  CHECK(row_of(shifted.batch(Split::train, {1}), 0) == std::vector<int64_t>{0, 'e', 'f', 'g', 'h'});
  options.context = 9;
  CHECK(TextTokens(options, *tokenizer, std::nullopt).rows(Split::train) == 1);
  options.context = 40;
  CHECK_THROWS_WITH(TextTokens(options, *tokenizer, std::nullopt), ContainsSubstring("no document"));
}

TEST_CASE("a text shorter than a row is refused with both numbers") {
  const TempDir temp;
  const auto path = temp.write("text.txt", "short");
  CHECK_THROWS_WITH(TextTokens(data_at(path), *io::byte_tokenizer(), std::nullopt),
                    ContainsSubstring("expected at least 5"));
}

TEST_CASE("a text ends before a stop text, of which nothing is shown early") {
  const auto tokenizer = io::byte_tokenizer();
  const std::vector<int64_t> ends{256};
  const std::vector<std::string> stops{"END"};
  RowText text(*tokenizer, ends, stops);
  std::string shown;
  for (const char byte : std::string("an ENErgy END!")) shown += text.add(static_cast<unsigned char>(byte));
  shown += text.finish();
  CHECK(shown == "an ENErgy ");
  CHECK(text.text() == "an ENErgy ");
  CHECK(text.stop() == "stop");
  RowText ended(*tokenizer, ends, stops);
  for (const int64_t id : {72, 69, 256, 65}) ended.add(id);
  ended.finish();
  CHECK(ended.text() == "HE");
  CHECK(ended.stop() == "end");
}

TEST_CASE("prompts of equal length share a batch") {
  const std::vector<TextRow> rows{{"a", {1, 2}, 0}, {"b", {1}, 1}, {"c", {3, 4}, 2}, {"d", {5, 6}, 3}};
  CHECK(equal_length_batches(rows, 2) == std::vector<std::vector<std::size_t>>{{0, 2}, {1}, {3}});
}
