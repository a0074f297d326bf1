#include <algorithm>
#include <array>
#include <utility>

#include "core/error.h"
#include "core/input_file.h"
#include "core/standard_streams.h"
#include "core/text_file.h"
#include "io/arrow_plugin.h"
#include "io/csv.h"
#include "io/series_files.h"
#include "io/series_text.h"

namespace arzoo::io {
namespace {

constexpr std::array<char, 4> kDelimiters = {',', ';', '\t', '|'};

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// How often each of kDelimiters stands outside quotes in the record that starts at `pos`; moves behind it.
std::array<std::size_t, 4> count_delimiters(std::string_view text, std::size_t& pos) {
  std::array<std::size_t, 4> counts{};
  bool quoted = false;
  while (pos < text.size() && is_line_end(text[pos])) ++pos;
  for (; pos < text.size() && (quoted || !is_line_end(text[pos])); ++pos) {
    if (text[pos] == '"') quoted = !quoted;
    if (quoted) continue;
    for (std::size_t i = 0; i < kDelimiters.size(); ++i) counts[i] += text[pos] == kDelimiters[i] ? 1 : 0;
  }
  return counts;
}

/// The delimiter that the header and the first row hold equally often, else the header's most frequent.
char sniff_delimiter(std::string_view text) {
  std::size_t pos = 0;
  const auto header = count_delimiters(text, pos);
  const auto row = count_delimiters(text, pos);
  std::size_t best = 0;
  bool best_agrees = false;
  for (std::size_t i = 0; i < kDelimiters.size(); ++i) {
    const bool agrees = header[i] > 0 && header[i] == row[i];
    if (std::pair(agrees, header[i]) > std::pair(best_agrees, header[best])) {
      best = i;
      best_agrees = agrees;
    }
  }
  return kDelimiters[best];
}

}  // namespace

/// One pass over the text. Quoted cells are unescaped in place: they only get shorter.
class CsvParser {
 public:
  CsvParser(CsvTable& table, FileBudget& budget, std::size_t start, std::size_t skipped_lines)
      : table_(table), text_(table.text_), budget_(budget), pos_(start), skipped_lines_(skipped_lines) {
    ends_cell_[static_cast<unsigned char>(table.delimiter_)] = true;
    ends_cell_[static_cast<unsigned char>('\n')] = true;
    ends_cell_[static_cast<unsigned char>('\r')] = true;
  }

  void run() {
    reserve();
    while (pos_ < text_.size()) {
      if (skip_blank_line()) continue;
      if (blank_line_ > 0)
        fail<DataError>("{}:{}: blank line between rows, expected {} cells", table_.name_, blank_line_,
                        table_.columns_);
      const std::size_t line = line_, first_cell = table_.cells_.size();
      budget_.charge(sizeof(std::uint32_t), "its lines");
      table_.lines_.push_back(static_cast<std::uint32_t>(line));
      record();
      check_width(table_.cells_.size() - first_cell, line);
      if (table_.lines_.size() == 1) line_ += skipped_lines_;
    }
    if (table_.lines_.empty()) fail<DataError>("{}: is empty, expected a header line", table_.name_);
  }

 private:
  /// Room for as many cells as there can be: growing would take up to three times the memory.
  void reserve() {
    const auto line_ends = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n') +
                                                    std::count(text_.begin(), text_.end(), '\r'));
    const auto delimiters =
        static_cast<std::size_t>(std::count(text_.begin(), text_.end(), table_.delimiter_));
    table_.lines_.reserve(line_ends + 1);
    table_.cells_.reserve(delimiters + line_ends + 1);
  }

  void check_width(std::size_t cells, std::size_t line) {
    if (table_.columns_ == 0) table_.columns_ = cells;
    if (cells == table_.columns_) return;
    const char* hint = cells > table_.columns_ ? " (a cell that holds the delimiter must be quoted)" : "";
    fail<DataError>("{}:{}: {} cells, expected {} as in the header{}", table_.name_, line, cells,
                    table_.columns_, hint);
  }

  /// True if a line of nothing but spaces starts here; after the header only blank lines may follow it.
  bool skip_blank_line() {
    std::size_t end = pos_;
    while (end < text_.size() && text_[end] == ' ') ++end;
    if (end < text_.size() && !is_line_end(text_[end])) return false;
    if (blank_line_ == 0 && !table_.lines_.empty()) blank_line_ = line_;
    pos_ = end;
    if (pos_ < text_.size()) skip_line_end();
    return true;
  }

  void record() {
    for (;;) {
      if (pos_ < text_.size() && text_[pos_] == '"')
        quoted_cell();
      else
        plain_cell();
      if (pos_ == text_.size()) return;
      if (text_[pos_] != table_.delimiter_) return skip_line_end();
      ++pos_;
    }
  }

  void plain_cell() {
    const std::size_t start = pos_;
    while (pos_ < text_.size() && !ends_cell_[static_cast<unsigned char>(text_[pos_])]) ++pos_;
    add_cell(start, pos_);
  }

  void quoted_cell() {
    const std::size_t opening_line = line_, start = ++pos_;
    std::size_t end = start;
    for (;; ++pos_) {
      if (pos_ == text_.size())
        fail<DataError>("{}:{}: a quote opens here and never closes", table_.name_, opening_line);
      if (text_[pos_] == '"') {
        const bool doubled = pos_ + 1 < text_.size() && text_[pos_ + 1] == '"';
        if (!doubled) break;
        ++pos_;
      } else if (starts_line_end()) {
        ++line_;
      }
      text_[end++] = text_[pos_];
    }
    ++pos_;
    if (pos_ < text_.size() && !ends_cell_[static_cast<unsigned char>(text_[pos_])])
      fail<DataError>("{}:{}: text after a closing quote (a quote inside a quoted cell is written twice)",
                      table_.name_, line_);
    add_cell(start, end);
  }

  /// CRLF counts once, at its LF.
  bool starts_line_end() const {
    return text_[pos_] == '\n' ||
           (text_[pos_] == '\r' && (pos_ + 1 == text_.size() || text_[pos_ + 1] != '\n'));
  }

  void skip_line_end() {
    const bool crlf = text_[pos_] == '\r' && pos_ + 1 < text_.size() && text_[pos_ + 1] == '\n';
    pos_ += crlf ? 2 : 1;
    ++line_;
  }

  void add_cell(std::size_t start, std::size_t end) {
    budget_.charge(sizeof(CsvTable::Cell), "its cells");
    table_.cells_.push_back({static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(end - start)});
  }

  CsvTable& table_;
  std::string& text_;
  FileBudget& budget_;
  std::array<bool, 256> ends_cell_{};
  std::size_t pos_, skipped_lines_;
  std::size_t line_ = 1;
  std::size_t blank_line_ = 0;  ///< the first one after the header, 0 for none
};

CsvTable CsvTable::parse(std::string text, std::string name, const CsvOptions& options) {
  FileBudget budget(name, text.size());
  return parse(std::move(text), std::move(name), std::move(budget), options);
}

namespace {

/// A table of another format by the name of a CSV file.
void require_no_arrow(std::string_view text, std::string_view name) {
  constexpr std::string_view kParquet = "PAR1", kArrow{"ARROW1\0\0", 8};
  const bool parquet = text.starts_with(kParquet) && text.ends_with(kParquet);
  if (parquet || text.starts_with(kArrow))
    fail<DataError>("{}: is {} file, expected CSV text (it is read from a file whose name ends in {})", name,
                    parquet ? "a Parquet" : "an Arrow IPC", parquet ? ".parquet" : ".arrow");
}

}  // namespace

CsvTable CsvTable::parse(std::string text, std::string name, FileBudget budget, const CsvOptions& options) {
  if (text.size() > kMaxTextBytes) fail<DataError>("{}: is larger than 4 GiB (split the file)", name);
  require_no_arrow(text, name);
  require_utf8(text, name);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  const std::size_t start = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  CsvTable table;
  table.name_ = std::move(name);
  table.text_ = std::move(text);
  table.delimiter_ = options.delimiter.value_or(sniff_delimiter(std::string_view(table.text_).substr(start)));
  CsvParser(table, budget, start, options.skipped_lines).run();
  table.index_columns();
  return table;
}

CsvTable CsvTable::read_arrow(const std::filesystem::path& path) {
  SeriesText rows(path);
  auto budget = rows.budget();
  std::string text;
  for (std::size_t got = 1; got > 0;) {
    constexpr std::size_t kPiece = std::size_t{1} << 20;
    const auto have = text.size();
    text.resize(have + kPiece);
    got = rows.read(text.data() + have, kPiece);
    text.resize(have + got);
    budget.charge(got, "its text");
  }
  text.shrink_to_fit();
  return parse(std::move(text), rows.name(), std::move(budget), {','});
}

CsvTable CsvTable::read(const std::filesystem::path& path, const CsvOptions& options) {
  if (is_arrow_file(path)) return read_arrow(path);
  const bool standard = path == kStandardStream;
  auto file = standard ? read_standard_input() : read_input_text(path);
  return parse(std::move(file.text), standard ? "stdin" : path.string(), std::move(file.budget), options);
}

}  // namespace arzoo::io
