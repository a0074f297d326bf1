#include "forecast/data/series_data.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/closest.h"
#include "io/csv.h"
#include "io/time_features.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kHoursOfMonth = 30 * 24;

/// Training, validation and test rows without the histories before them.
struct OwnRows {
  int64_t train, val, test;  ///< ends
};

OwnRows ett_rows(int64_t month, int64_t rows, const std::string& where) {
  const int64_t train = 12 * month, val = train + 4 * month, test = val + 4 * month;
  if (rows < test) {
    fail<DataError>("{}: {} rows, expected at least {} for the ETT borders (use split.kind \"ratio\")", where,
                    rows, test);
  }
  return {train, val, test};
}

OwnRows own_rows(const SplitOptions& split, int64_t rows, const std::string& where) {
  if (split.kind == "ett_hour") return ett_rows(kHoursOfMonth, rows, where);
  if (split.kind == "ett_minute") return ett_rows(4 * kHoursOfMonth, rows, where);
  const auto train = static_cast<int64_t>(static_cast<double>(rows) * split.train);
  const auto test = static_cast<int64_t>(static_cast<double>(rows) * split.test);
  return {train, rows - test, rows};
}

at::Tensor scaled_values(const io::SeriesTable& table, const StandardScaler& scaler) {
  const auto variates = static_cast<int64_t>(table.variates.size());
  const auto rows = static_cast<int64_t>(table.stamps.size());
  auto scaled = at::empty({rows, variates}, at::kFloat);
  auto* to = scaled.mutable_data_ptr<float>();
  for (int64_t i = 0; i < rows * variates; ++i) to[i] = scaler.transform(table.values[i], i % variates);
  return scaled;
}

/// Throws DataError for a variate that no training row measured.
void require_measured(const io::SeriesTable& table, int64_t train_end) {
  for (std::size_t c = 0; c < table.variates.size() && train_end > 0 && !table.filled.empty(); ++c) {
    std::size_t row = 0;
    while (row < static_cast<std::size_t>(train_end) && !table.measured(row, c)) ++row;
    if (row < static_cast<std::size_t>(train_end)) continue;
    fail<DataError>(
        "{}: series {}: column {} holds no value in the {} training rows (leave it out of \"columns\")",
        table.source, io::shown(table.unique_id), io::shown(table.variates[c]), train_end);
  }
}

/// Categories stay 0 and 1: a rare one would become a number of any size.
void leave_categories(StandardScaler& scaler, const Channels& channels) {
  for (std::size_t c = 0; c < channels.size(); ++c) {
    if (!channels.is_category(c)) continue;
    scaler.mean[c] = 0.0;
    scaler.scale[c] = 1.0;
  }
}

/// Copies rows [row, row + rows) of `from` to `to`, both row-major.
void copy_rows(const at::Tensor& from, int64_t row, int64_t rows, float* to) {
  const int64_t width = from.size(1);
  std::memcpy(to, from.const_data_ptr<float>() + row * width, sizeof(float) * rows * width);
}

}  // namespace

Borders split_borders(const SplitOptions& split, int64_t rows, int64_t seq_len, const std::string& where) {
  const auto [train, val, test] = own_rows(split, rows, where);
  const auto back = [&](int64_t row) { return std::max<int64_t>(0, row - seq_len); };
  Borders borders{Border{0, train}, Border{back(train), val}, Border{back(val), test}, Border{}};
  if (split.calibration == 0) return borders;
  const auto calibration =
      static_cast<int64_t>(std::llround(static_cast<double>(val - train) * split.calibration));
  borders[1].end = val - calibration;
  borders[3] = {back(val - calibration), val};
  return borders;
}

at::Tensor calendar_marks(const std::vector<io::Timestamp>& stamps, const io::Frequency& frequency,
                          int64_t timeenc) {
  const auto rows = static_cast<int64_t>(stamps.size());
  const char code = io::frequency_code(frequency);
  if (timeenc == 1) {
    const auto count = static_cast<int64_t>(io::time_feature_count(code));
    auto features = at::empty({rows, count}, at::kDouble);
    io::fill_time_features(stamps, code,
                           {features.mutable_data_ptr<double>(), static_cast<std::size_t>(rows * count)});
    return features.to(at::kFloat);
  }
  const auto count = static_cast<int64_t>(io::time_code_count(io::TimeCodes::thuml, code));
  auto codes = at::empty({rows, count}, at::kLong);
  io::fill_time_codes(stamps, io::TimeCodes::thuml, code,
                      {codes.mutable_data_ptr<int64_t>(), static_cast<std::size_t>(rows * count)});
  return codes.to(at::kFloat);
}

StandardScaler fit_known_scaler(const io::SeriesTable& known, const Channels& channels, int64_t begin,
                                int64_t end) {
  auto scaler = StandardScaler::fit(known, begin, end);
  leave_categories(scaler, channels);
  return scaler;
}

io::SeriesTable select_variates(io::SeriesTable table, const DataOptions& options) {
  if (options.features == "M" && options.target.empty()) return table;
  const std::string target = options.target.empty() ? table.variates.back() : options.target;
  const auto found = std::find(table.variates.begin(), table.variates.end(), target);
  if (found == table.variates.end()) {
    const auto near = closest(target, table.variates);
    fail<DataError>("{}: no column is called {}{}", table.source, io::shown(target),
                    near ? fmt::format(" (did you mean {}?)", io::shown(*near)) : "");
  }
  const auto width = table.variates.size();
  const auto at = static_cast<std::size_t>(found - table.variates.begin());
  std::vector<std::size_t> order;
  for (std::size_t c = 0; c < width && options.features != "S"; ++c) {
    if (c != at) order.push_back(c);
  }
  order.push_back(at);
  std::vector<double> values;
  std::vector<bool> filled;
  values.reserve(table.stamps.size() * order.size());
  for (std::size_t row = 0; row < table.stamps.size(); ++row) {
    for (const auto c : order) {
      values.push_back(table.at(row, c));
      if (!table.filled.empty()) filled.push_back(!table.measured(row, c));
    }
  }
  std::vector<std::string> names;
  for (const auto c : order) names.push_back(table.variates[c]);
  table.values = std::move(values);
  table.filled = std::move(filled);
  table.variates = std::move(names);
  return table;
}

SeriesData::SeriesData(const std::vector<io::SeriesTable>& tables, const DataOptions& options)
    : SeriesData(
          [&] {
            std::vector<SourceTable> sources;
            for (const auto& table : tables) sources.push_back({table, options.split});
            return sources;
          }(),
          options) {}

SeriesData::SeriesData(const std::vector<SourceTable>& tables, const DataOptions& options)
    : options_(options) {
  for (auto& first : first_window_) first.push_back(0);
  CovariateChannels channels;
  if (options.has_roles() && !tables.empty()) {
    const auto& first = tables.front().table;
    roles_ = resolved_roles(roles_of(options), first.variates, first.source);
    categories_ = first.categories;
    channels = channels_of(roles_, categories_);
  }
  std::vector<double> statics;
  for (const auto& [whole, split] : tables) {
    if (!roles_.empty()) {
      add(channels.variates.of(whole), split,
          std::make_shared<const std::vector<io::Timestamp>>(whole.stamps));
      add_covariates(whole, channels, statics);
      continue;
    }
    const auto table = select_variates(whole, options);
    const auto stamps = std::make_shared<const std::vector<io::Timestamp>>(table.stamps);
    if (!options.variates_apart()) {
      add(table, split, stamps);
      continue;
    }
    for (std::size_t c = 0; c < table.variates.size(); ++c) add(variate_alone(table, c), split, stamps);
  }
  scale_statics(channels, statics);
  require_windows(tables);
}

/// Those of the series that was added last; its static values go behind `statics`.
void SeriesData::add_covariates(const io::SeriesTable& table, const CovariateChannels& channels,
                                std::vector<double>& statics) {
  auto& series = series_.back();
  if (channels.known.size() > 0) {
    const auto known = channels.known.of(table);
    const auto train = series.borders[0];
    require_measured(known, train.end);
    series.known_scaler = options_.scale && train.end > 0
                              ? fit_known_scaler(known, channels.known, train.begin, train.end)
                              : StandardScaler::identity(static_cast<int64_t>(channels.known.size()));
    series.known = scaled_values(known, series.known_scaler);
  }
  const auto constants = channels.statics.constants(table);
  statics.insert(statics.end(), constants.begin(), constants.end());
}

void SeriesData::scale_statics(const CovariateChannels& channels, const std::vector<double>& statics) {
  const auto width = static_cast<int64_t>(channels.statics.size());
  if (width == 0) return;
  static_scaler_ = options_.scale
                       ? StandardScaler::fit(statics, width, 0, static_cast<int64_t>(series_.size()))
                       : StandardScaler::identity(width);
  leave_categories(static_scaler_, channels.statics);
  for (std::size_t i = 0; i < series_.size(); ++i) {
    series_[i].statics = at::empty({width}, at::kFloat);
    auto* to = series_[i].statics.mutable_data_ptr<float>();
    for (int64_t g = 0; g < width; ++g)
      to[g] = static_scaler_.transform(statics[i * static_cast<std::size_t>(width) + g], g);
  }
}

void SeriesData::add(const io::SeriesTable& table, const SplitOptions& split,
                     const std::shared_ptr<const std::vector<io::Timestamp>>& stamps) {
  if (series_.empty()) {
    variates_ = table.variates;
    frequency_ = table.frequency;
  }
  if (table.variates != variates_) {
    fail<DataError>("{}: series {} has other variates than {}", table.source, io::shown(table.unique_id),
                    io::shown(series_.front().unique_id));
  }
  const auto rows = static_cast<int64_t>(table.rows()), width = static_cast<int64_t>(variates_.size());
  WindowedSeries series{
      table.unique_id, {}, stamps, {}, {}, split_borders(split, rows, options_.seq_len, table.source), {}};
  const auto train = series.borders[0];
  require_measured(table, train.end);
  series.scaler = options_.scale && train.end > 0 ? StandardScaler::fit(table, train.begin, train.end)
                                                  : StandardScaler::identity(width);
  series.values = scaled_values(table, series.scaler);
  series.gaps = Gaps(table, series.values);
  has_gaps_ = has_gaps_ || !series.gaps.empty();
  if (options_.marks) series.marks = calendar_marks(table.stamps, frequency_, options_.timeenc);
  const int64_t window = options_.seq_len + options_.pred_len;
  for (std::size_t i = 0; i < series.borders.size(); ++i) {
    const auto border = series.borders[i];
    first_window_[i].push_back(first_window_[i].back() +
                               std::max<int64_t>(0, border.end - border.begin - window + 1));
  }
  series_.push_back(std::move(series));
}

void SeriesData::require_windows(const std::vector<SourceTable>& tables) const {
  const bool calibrates = std::any_of(tables.begin(), tables.end(),
                                      [](const auto& source) { return source.split.calibration > 0; });
  if (windows(runtime::Split::train) > 0 && calibrates && windows(runtime::Split::calibration) == 0) {
    fail<DataError>(
        "{}: split.calibration leaves no window of pred_len = {} rows to calibrate on (raise it, or give "
        "more "
        "rows to validation)",
        tables[0].table.source, options_.pred_len);
  }
  if (windows(runtime::Split::train) > 0) return;
  std::size_t longest = 0;
  for (const auto& source : tables) longest = std::max(longest, source.table.rows());
  fail<DataError>(
      "{}: the longest series has {} rows, too few to train: its training share must hold seq_len + "
      "pred_len = {} rows (give it more rows, or choose shorter lengths)",
      tables.empty() ? options_.path : tables[0].table.source, longest, options_.seq_len + options_.pred_len);
}

int64_t SeriesData::windows(runtime::Split split) const {
  return first_window_[static_cast<int>(split)].back();
}

SeriesShape SeriesData::shape() const {
  const auto variates = static_cast<int64_t>(variates_.size());
  const int64_t c_out = !roles_.empty()             ? static_cast<int64_t>(roles_.targets.size())
                        : options_.features == "MS" ? 1
                                                    : variates;
  const auto& first = series_.front();
  return {options_.seq_len,
          options_.label_len,
          options_.pred_len,
          variates,
          c_out,
          options_.marks ? first.marks.size(1) : 0,
          first.known.defined() ? first.known.size(1) : 0,
          first.statics.defined() ? first.statics.size(0) : 0};
}

SeriesData::Place SeriesData::place(runtime::Split split, int64_t index) const {
  const auto& first = first_window_[static_cast<int>(split)];
  const auto series = std::upper_bound(first.begin(), first.end(), index) - first.begin() - 1;
  const auto border = series_[series].borders[static_cast<int>(split)];
  return {&series_[series], border.begin + index - first[series], border.end};
}

std::vector<io::Timestamp> SeriesData::stamps_of(runtime::Split split, int64_t index) const {
  const auto [series, row, end] = place(split, index);
  const auto first = series->stamps->begin() + row;
  return {first, first + options_.seq_len + options_.pred_len};
}

ForecastBatch SeriesData::batch(runtime::Split split, std::span<const int64_t> indices) const {
  const auto size = static_cast<int64_t>(indices.size());
  const auto s = shape();
  const int64_t decoder = s.label_len + s.pred_len;
  ForecastBatch batch;
  batch.x_enc = at::empty({size, s.seq_len, s.enc_in}, at::kFloat);
  batch.x_dec = at::zeros({size, decoder, s.enc_in}, at::kFloat);
  batch.target = at::empty({size, s.pred_len, s.enc_in}, at::kFloat);
  if (has_gaps_) batch.measured = at::ones({size, s.pred_len, s.enc_in}, at::kBool);
  if (s.marks > 0) {
    batch.x_mark_enc = at::empty({size, s.seq_len, s.marks}, at::kFloat);
    batch.x_mark_dec = at::empty({size, decoder, s.marks}, at::kFloat);
  }
  const int64_t steps = s.seq_len + s.pred_len;
  if (s.known_in > 0) batch.known = at::empty({size, steps, s.known_in}, at::kFloat);
  if (s.static_in > 0) batch.statics = at::empty({size, s.static_in}, at::kFloat);
  for (int64_t i = 0; i < size; ++i) {
    const auto [series, row, end] = place(split, indices[i]);
    const int64_t future = row + s.seq_len;
    const auto copy = [&, series = series](int64_t first, int64_t rows, int64_t known, float* to) {
      copy_rows(series->values, first, rows, to);
      series->gaps.hide_future(to, first, rows, known);
    };
    copy(row, s.seq_len, future, batch.x_enc.mutable_data_ptr<float>() + i * s.seq_len * s.enc_in);
    copy(future - s.label_len, s.label_len, future,
         batch.x_dec.mutable_data_ptr<float>() + i * decoder * s.enc_in);
    copy(future, s.pred_len, end, batch.target.mutable_data_ptr<float>() + i * s.pred_len * s.enc_in);
    if (!series->gaps.empty()) batch.measured[i].copy_(series->gaps.measured(future, s.pred_len));
    if (s.known_in > 0)
      copy_rows(series->known, row, steps, batch.known.mutable_data_ptr<float>() + i * steps * s.known_in);
    if (s.static_in > 0) batch.statics[i].copy_(series->statics);
    if (s.marks == 0) continue;
    copy_rows(series->marks, row, s.seq_len,
              batch.x_mark_enc.mutable_data_ptr<float>() + i * s.seq_len * s.marks);
    copy_rows(series->marks, future - s.label_len, decoder,
              batch.x_mark_dec.mutable_data_ptr<float>() + i * decoder * s.marks);
  }
  batch.target = batch.target.narrow(2, s.enc_in - s.c_out, s.c_out);
  if (has_gaps_) batch.measured = batch.measured.narrow(2, s.enc_in - s.c_out, s.c_out);
  return batch;
}

}  // namespace arzoo::forecast
