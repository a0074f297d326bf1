#include "io/series_parts.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/text_file.h"
#include "io/csv.h"

namespace arzoo::io {
namespace {

/// Behind the last line end outside quotes; 0 without any.
std::size_t end_of_records(std::string_view text) {
  const auto last = text.rfind('\n');
  if (last == std::string_view::npos) return 0;
  if (text.find('"') == std::string_view::npos) return last + 1;
  bool quoted = false;
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\n' && !quoted) end = i + 1;
  }
  return end;
}

/// How many rows there are before those of the last series.
std::size_t rows_before_last(const CsvTable& table, std::size_t id) {
  std::size_t rows = table.rows();
  if (rows == 0) return 0;
  const auto last = table.cell(rows - 1, id);
  while (rows > 0 && table.cell(rows - 1, id) == last) --rows;
  return rows;
}

[[noreturn]] void fail_apart(const std::string& name, std::int64_t line, std::string_view id) {
  throw PartsDisagree(
      fmt::format("{}:{}: the rows of series {} lie apart, expected them together in a file that is read in "
                  "parts (sort the rows by series)",
                  name, line, shown(id)));
}

/// Throws PartsDisagree where the rows are in the order of time: a series comes again after others, or each
/// of them has one row, as on the first day of very many.
void require_together(const CsvTable& table, std::size_t id) {
  std::unordered_set<std::string_view> series;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto name = table.cell(row, id);
    if (row > 0 && name == table.cell(row - 1, id)) continue;
    if (!series.insert(name).second) fail_apart(table.name(), table.line(row), name);
  }
  if (series.size() == table.rows() && series.size() > 1)
    throw PartsDisagree(
        fmt::format("{}:{}: {} series of one row each, expected the rows of a series together in a file that "
                    "is read in parts (sort the rows by series)",
                    table.name(), table.line(0), series.size()));
}

}  // namespace

SeriesParts::SeriesParts(const std::filesystem::path& path, SeriesReadOptions options, std::size_t part_bytes)
    : options_(std::move(options)), source_(path), name_(source_.name()), part_bytes_(part_bytes) {}

/// Reads on until there are `size` bytes of text. Returns false when the file ended before.
bool SeriesParts::fill(std::size_t size) {
  while (!at_end_ && text_.size() < size) {
    constexpr std::size_t kPiece = std::size_t{1} << 20;
    const auto have = text_.size(), wanted = std::min(size - have, kPiece);
    text_.resize(have + wanted);
    const auto got = source_.read(text_.data() + have, wanted);
    text_.resize(have + got);
    bytes_read_ += got;
    at_end_ = got == 0;
    // Few bytes of an Arrow file may stand for rows without end.
    if (source_.is_of_arrow()) source_.budget().charge(text_.size(), "the text of its series");
  }
  return text_.size() >= size;
}

/// Whether the text begins a long file in parts of which each cell means the same as in the whole. Keeps its
/// header.
bool SeriesParts::can_split() {
  const auto end = end_of_records(std::string_view(text_).substr(0, text_.find('\n') + 1));
  if (end == 0 || text_.starts_with("\x1f\x8b") || options_.format == SeriesFormat::wide) return false;
  const auto head = CsvTable::parse(text_.substr(0, end), name_, {delimiter()});
  if (head.delimiter() != ',' || !head.find(options_.id_column)) return false;
  header_ = text_.substr(0, end);
  text_.erase(0, end);
  return true;
}

SeriesFile SeriesParts::whole() {
  finished_ = true;
  constexpr std::size_t kMost = kMaxTextBytes;
  for (std::size_t size = std::max<std::size_t>(part_bytes_, source_.size() + 1); !at_end_; size *= 2) {
    if (text_.size() > kMost) fail<DataError>("{}: is larger than 4 GiB (split the file)", name_);
    fill(size);
  }
  if (source_.is_of_arrow()) {
    auto budget = source_.budget();
    budget.charge(text_.size(), "its text");
    return read_series(CsvTable::parse(std::move(text_), name_, std::move(budget), {','}), options_);
  }
  auto text = unpacked_text(std::move(text_), name_);
  return read_series(
      CsvTable::parse(std::move(text.text), name_, std::move(text.budget), {options_.delimiter}), options_);
}

void SeriesParts::check(const SeriesFile& file) {
  for (const auto& table : file.tables) {
    if (!seen_ids_.insert(std::hash<std::string>()(table.unique_id)).second)
      fail_apart(name_, table.first_line, table.unique_id);
    if (pattern_.empty()) pattern_ = table.date_format.pattern();
    if (table.date_format.pattern() != pattern_)
      throw PartsDisagree(fmt::format("{}:{}: dates are written {}, and {} before (write all in one way)",
                                      name_, table.first_line, table.date_format.layout(),
                                      DateFormat(pattern_).layout()));
  }
}

/// The series that end within the text that was read.
std::optional<SeriesFile> SeriesParts::part() {
  for (std::size_t size = part_bytes_;; size *= 2) {
    fill(size);
    const auto end = at_end_ ? text_.size() : end_of_records(text_);
    if (at_end_ && text_.find_first_not_of(" \r\n") == std::string::npos) return std::nullopt;
    auto table = CsvTable::parse(header_ + text_.substr(0, end), name_, {',', lines_done_});
    const auto id = *table.find(options_.id_column);
    const auto rows = at_end_ ? table.rows() : rows_before_last(table, id);
    if (rows == 0 && !at_end_) continue;  // a series of more text than that
    std::size_t used = text_.size();
    std::size_t last_line = 0;
    if (rows < table.rows()) {
      used = table.row_offset(rows) - header_.size();
      last_line = static_cast<std::size_t>(table.line(rows));
      table.keep_rows(rows);
    }
    text_.erase(0, used);
    if (last_line > 0) lines_done_ = last_line - 1 - static_cast<std::size_t>(table.header_line());
    if (!at_end_) require_together(table, id);
    auto file = read_series(table, options_);
    check(file);
    return file;
  }
}

double SeriesParts::place() const {
  if (finished_) return 1.0;
  const auto done = static_cast<double>(bytes_read_ - text_.size()),
             all = static_cast<double>(source_.size());
  if (all == 0.0) return 0.0;
  return source_.is_of_arrow() ? done / (done + all) : done / all;
}

std::optional<SeriesFile> SeriesParts::next() {
  if (finished_) return std::nullopt;
  if (header_.empty()) {
    // What fits into one part gains nothing from being cut.
    if (!fill(part_bytes_) || !can_split()) return whole();
  }
  auto file = part();
  if (!file || at_end_) finished_ = true;
  return file;
}

}  // namespace arzoo::io
