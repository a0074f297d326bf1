#include "arrow/csv_cells.h"

#include <arrow/compute/api.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace arzoo::arrow_files {
namespace {

using arrow::Type;
using arrow::internal::checked_cast;

/// Cells of an array type whose values a function writes.
template <class Array, class Write>
class TypedCells : public CsvCells {
 public:
  TypedCells(std::shared_ptr<arrow::Array> column, Write write)
      : column_(std::move(column)), array_(static_cast<const Array&>(*column_)), write_(write) {}
  void append(std::int64_t row, std::string& csv) const override {
    if (array_.IsValid(row)) write_(array_, row, csv);
  }

 private:
  std::shared_ptr<arrow::Array> column_;
  const Array& array_;
  Write write_;
};

using Cells = arrow::Result<std::unique_ptr<CsvCells>>;

template <class Array, class Write>
Cells typed(const std::shared_ptr<arrow::Array>& column, Write write) {
  return std::make_unique<TypedCells<Array, Write>>(column, write);
}

template <class Number>
void append_number(Number value, std::string& csv) {
  std::array<char, 40> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  csv.append(digits.data(), end);
}

template <class Array>
Cells numbers(const std::shared_ptr<arrow::Array>& column) {
  return typed<Array>(column, [](const Array& array, std::int64_t row, std::string& csv) {
    const auto value = array.Value(row);
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      if (std::isnan(value)) return;
    }
    append_number(value, csv);
  });
}

template <class Array>
Cells texts(const std::shared_ptr<arrow::Array>& column) {
  return typed<Array>(column, [](const Array& array, std::int64_t row, std::string& csv) {
    append_quoted(array.GetView(row), csv);
  });
}

void append_date(std::int64_t day, std::string& csv) {
  // Far outside of any calendar: the reader says that it is no date.
  constexpr std::int64_t kMostDays = 10'000'000;
  if (day > kMostDays || day < -kMostDays) return append_number(day, csv);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  std::array<char, 32> text;
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  csv.append(text.data(), static_cast<std::size_t>(size));
}

std::int64_t floor_of(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

std::int64_t ticks_per_second(const arrow::DataType& stamps) {
  switch (static_cast<const arrow::TimestampType&>(stamps).unit()) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    default:
      return 1'000'000'000;
  }
}

int fraction_digits(std::int64_t ticks) {
  return ticks == 1 ? 0 : ticks == 1000 ? 3 : ticks == 1'000'000 ? 6 : 9;
}

/// Stamps as their column's clock shows them, and its offset from UTC if the column has a zone.
class StampCells : public CsvCells {
 public:
  /// local: the same array without a zone, or `column` itself where it has none.
  StampCells(std::shared_ptr<arrow::Array> column, std::shared_ptr<arrow::Array> local, StampForm form)
      : column_(std::move(column)),
        local_(std::move(local)),
        utc_(static_cast<const arrow::TimestampArray&>(*column_)),
        shown_(static_cast<const arrow::TimestampArray&>(*local_)),
        ticks_(ticks_per_second(*column_->type())),
        has_zone_(column_ != local_),
        form_(form) {}

  void append(std::int64_t row, std::string& csv) const override {
    if (!shown_.IsValid(row)) return;
    const auto seconds = floor_of(shown_.Value(row), ticks_), day = floor_of(seconds, 86400);
    append_date(day, csv);
    if (!has_zone_ && !form_.clock) return;
    append_clock(static_cast<int>(seconds - day * 86400), csv);
    if (form_.fraction) append_fraction(shown_.Value(row) - seconds * ticks_, csv);
    if (has_zone_) append_offset((shown_.Value(row) - utc_.Value(row)) / ticks_ / 60, csv);
  }

 private:
  static void append_clock(int second, std::string& csv) {
    std::array<char, 32> text;
    const int size = std::snprintf(text.data(), text.size(), " %02d:%02d:%02d", second / 3600,
                                   second / 60 % 60, second % 60);
    csv.append(text.data(), static_cast<std::size_t>(size));
  }
  void append_fraction(std::int64_t ticks, std::string& csv) const {
    std::array<char, 32> text;
    const int size = std::snprintf(text.data(), text.size(), ".%0*lld", fraction_digits(ticks_),
                                   static_cast<long long>(ticks));
    csv.append(text.data(), static_cast<std::size_t>(size));
  }
  static void append_offset(std::int64_t minutes, std::string& csv) {
    std::array<char, 32> text;
    const auto away = static_cast<int>(std::abs(minutes));
    const int size =
        std::snprintf(text.data(), text.size(), "%c%02d:%02d", minutes < 0 ? '-' : '+', away / 60, away % 60);
    csv.append(text.data(), static_cast<std::size_t>(size));
  }

  std::shared_ptr<arrow::Array> column_, local_;
  const arrow::TimestampArray& utc_;
  const arrow::TimestampArray& shown_;
  std::int64_t ticks_;
  bool has_zone_;
  StampForm form_;
};

Cells stamps(const std::shared_ptr<arrow::Array>& column, StampForm form, arrow::MemoryPool* pool) {
  const auto& type = static_cast<const arrow::TimestampType&>(*column->type());
  auto local = column;
  if (!type.timezone().empty()) {
    arrow::compute::ExecContext context(pool);
    ARROW_ASSIGN_OR_RAISE(const auto shown, arrow::compute::LocalTimestamp(column, &context));
    local = shown.make_array();
  }
  return std::make_unique<StampCells>(column, local, form);
}

/// Of what cannot be a cell: the type, which the reader finds to be no number.
class NamedCells : public CsvCells {
 public:
  explicit NamedCells(const arrow::DataType& type) : name_(type.ToString()) {}
  void append(std::int64_t, std::string& csv) const override { append_quoted(name_, csv); }

 private:
  std::string name_;
};

/// Digit by digit: a double of them is rounded once, by the reader.
template <class Array>
Cells decimals(const std::shared_ptr<arrow::Array>& column) {
  return typed<Array>(
      column, [](const Array& array, std::int64_t row, std::string& csv) { csv += array.FormatValue(row); });
}

Cells converted(const std::shared_ptr<arrow::Array>& column, const std::shared_ptr<arrow::DataType>& type,
                StampForm form, arrow::MemoryPool* pool) {
  arrow::compute::ExecContext context(pool);
  ARROW_ASSIGN_OR_RAISE(const auto array,
                        arrow::compute::Cast(*column, type, arrow::compute::CastOptions::Safe(), &context));
  return CsvCells::of(array, form, pool);
}

}  // namespace

void append_quoted(std::string_view text, std::string& csv) {
  const bool padded = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  if (!padded && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    csv += text;
    return;
  }
  csv += '"';
  for (const char c : text) {
    if (c == '"') csv += '"';
    csv += c;
  }
  csv += '"';
}

void StampForm::look_at(const arrow::Array& stamps) {
  const auto& array = static_cast<const arrow::TimestampArray&>(stamps);
  const auto ticks = ticks_per_second(*stamps.type());
  for (std::int64_t row = 0; row < array.length() && !(clock && fraction); ++row) {
    if (!array.IsValid(row)) continue;
    fraction |= array.Value(row) % ticks != 0;
    clock |= array.Value(row) % (ticks * 86400) != 0;
  }
}

Cells CsvCells::of(const std::shared_ptr<arrow::Array>& column, StampForm form, arrow::MemoryPool* pool) {
  switch (column->type_id()) {
    case Type::BOOL:
      return typed<arrow::BooleanArray>(column, [](const auto& array, std::int64_t row, std::string& csv) {
        csv += array.Value(row) ? '1' : '0';
      });
    case Type::INT8:
      return numbers<arrow::Int8Array>(column);
    case Type::INT16:
      return numbers<arrow::Int16Array>(column);
    case Type::INT32:
      return numbers<arrow::Int32Array>(column);
    case Type::INT64:
      return numbers<arrow::Int64Array>(column);
    case Type::UINT8:
      return numbers<arrow::UInt8Array>(column);
    case Type::UINT16:
      return numbers<arrow::UInt16Array>(column);
    case Type::UINT32:
      return numbers<arrow::UInt32Array>(column);
    case Type::UINT64:
      return numbers<arrow::UInt64Array>(column);
    case Type::FLOAT:
      return numbers<arrow::FloatArray>(column);
    case Type::DOUBLE:
      return numbers<arrow::DoubleArray>(column);
    case Type::HALF_FLOAT:
      return converted(column, arrow::float32(), form, pool);
    case Type::DECIMAL32:
      return decimals<arrow::Decimal32Array>(column);
    case Type::DECIMAL64:
      return decimals<arrow::Decimal64Array>(column);
    case Type::DECIMAL128:
      return decimals<arrow::Decimal128Array>(column);
    case Type::DECIMAL256:
      return decimals<arrow::Decimal256Array>(column);
    case Type::STRING:
      return texts<arrow::StringArray>(column);
    case Type::LARGE_STRING:
      return texts<arrow::LargeStringArray>(column);
    case Type::STRING_VIEW:
      return texts<arrow::StringViewArray>(column);
    case Type::BINARY:  // how older writers store strings
      return texts<arrow::BinaryArray>(column);
    case Type::LARGE_BINARY:
      return texts<arrow::LargeBinaryArray>(column);
    case Type::BINARY_VIEW:
      return texts<arrow::BinaryViewArray>(column);
    case Type::DATE32:
      return typed<arrow::Date32Array>(column, [](const auto& array, std::int64_t row, std::string& csv) {
        append_date(array.Value(row), csv);
      });
    case Type::DATE64:
      return typed<arrow::Date64Array>(column, [](const auto& array, std::int64_t row, std::string& csv) {
        append_date(floor_of(array.Value(row), 86'400'000), csv);
      });
    case Type::TIMESTAMP:
      return stamps(column, form, pool);
    case Type::DICTIONARY:
      return converted(column, static_cast<const arrow::DictionaryType&>(*column->type()).value_type(), form,
                       pool);
    case Type::NA:
      return typed<arrow::NullArray>(column, [](const auto&, std::int64_t, std::string&) {});
    default:
      return std::make_unique<NamedCells>(*column->type());
  }
}

}  // namespace arzoo::arrow_files
