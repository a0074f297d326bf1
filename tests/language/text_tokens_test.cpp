#include "language/text_tokens.h"

#include "language/commands/text_rows.h"
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
