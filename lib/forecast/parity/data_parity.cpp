#include "forecast/parity/data_parity.h"

#include <torch/torch.h>

#include <array>
#include <numeric>

#include "forecast/data/series_data.h"
#include "io/time_features.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;
using runtime::Split;

constexpr std::array<std::pair<const char*, Split>, 3> kSplits{
    {{"train", Split::train}, {"val", Split::val}, {"test", Split::test}}};

DataOptions options_of(const ParityCase& fixture, const std::string& path) {
  DataOptions options;
  options.path = path;
  options.split.kind = fixture.config.text("data").starts_with("ETTm") ? "ett_minute" : "ett_hour";
  fixture.config.at("seq_len").read(options.seq_len, {});
  fixture.config.at("label_len").read(options.label_len, {});
  fixture.config.at("pred_len").read(options.pred_len, {});
  return options;
}

io::SeriesTable read_table(const DataOptions& options) {
  return io::read_series(options.path, read_options(options)).tables.front();
}

at::Tensor rows_of(const at::Tensor& values, int64_t begin, int64_t count) {
  return values.narrow(0, begin, count);
}

/// Compares one window, as the official loader cuts it: seq_x and its marks, seq_y (label_len known rows,
/// then the future).
void check_window(const std::string& name, const WindowedSeries& series, const DataOptions& options,
                  int64_t row, const at::Tensor& codes, ParityReport& report) {
  const int64_t label = row + options.seq_len - options.label_len,
                length = options.label_len + options.pred_len;
  report.check(name + ".seq_x", rows_of(series.values, row, options.seq_len));
  report.check(name + ".seq_x_mark", rows_of(series.marks, row, options.seq_len));
  report.check(name + ".seq_y", rows_of(series.values, label, length));
  report.check(name + ".seq_y_mark", rows_of(series.marks, label, length));
  report.check(name + ".seq_y_mark_timeenc0", rows_of(codes, label, length));
}

void check_splits(const ParityCase& fixture, const io::SeriesTable& table, const DataOptions& options,
                  ParityReport& report) {
  const SeriesData data({table}, options);
  const auto& series = data.series().front();
  const auto codes = calendar_marks(table.stamps, table.frequency, 0);
  for (const auto& [name, split] : kSplits) {
    const auto border = series.borders[static_cast<int>(split)];
    const std::string prefix = name;
    check_window(prefix + ".first", series, options, border.begin, codes, report);
    check_window(prefix + ".last", series, options, border.begin + data.windows(split) - 1, codes, report);
    double windows = 0.0, rows = 0.0;
    fixture.info.at("data_facts").at("windows_main").at(name).read(windows, {});
    fixture.info.at("data_facts").at("rows_in_split").at(name).read(rows, {});
    report.check_value(prefix + ".windows", static_cast<double>(data.windows(split)), windows, {0, 0});
    report.check_value(prefix + ".rows", static_cast<double>(border.end - border.begin), rows, {0, 0});
  }
  report.check("scaler.mean", at::tensor(series.scaler.mean, at::kDouble));
  report.check("scaler.scale", at::tensor(series.scaler.scale, at::kDouble));
  // Informer's inverse=True: the label part stays scaled, the future is in raw units.
  const int64_t future = series.borders[2].begin + options.seq_len;
  const auto raw = at::tensor(table.values, at::kDouble).view({-1, series.values.size(1)});
  report.check("inverse.test.first.seq_y",
               at::cat({rows_of(series.values, future - options.label_len, options.label_len).to(at::kDouble),
                        rows_of(raw, future, options.pred_len)}));
  report.check("raw.first3", raw.narrow(0, 0, 3));
  report.check("raw.last3", raw.narrow(0, raw.size(0) - 3, 3));
}

void check_window_counts(const ParityCase& fixture, const io::SeriesTable& table, DataOptions options,
                         ParityReport& report) {
  for (const auto& row : fixture.info.at("data_facts").at("window_counts").elements()) {
    row.at("seq_len").read(options.seq_len, {});
    row.at("pred_len").read(options.pred_len, {});
    options.label_len = std::min(options.label_len, options.seq_len);
    const SeriesData data({table}, options);
    for (const auto& [name, split] : kSplits) {
      double expected = 0.0;
      row.at(name).read(expected, {});
      report.check_value(fmt::format("windows.{}.{}.{}", options.seq_len, options.pred_len, name),
                         static_cast<double>(data.windows(split)), expected, {0, 0});
    }
  }
}

void check_other_loaders(const io::SeriesTable& table, const DataOptions& options, ParityReport& report) {
  auto single = options;
  single.features = "S";
  const SeriesData target({table}, single);
  const auto test = target.series().front().borders[2].begin;
  const int64_t label = test + options.seq_len - options.label_len;
  report.check("S.test.first.seq_x", rows_of(target.series().front().values, test, options.seq_len));
  report.check("S.test.first.seq_y",
               rows_of(target.series().front().values, label, options.label_len + options.pred_len));
  auto shares = options;
  shares.split = {};
  const SeriesData custom({table}, shares);
  for (const auto& [name, split] : kSplits) {
    const auto& series = custom.series().front();
    report.check(fmt::format("custom.{}.first.seq_x", name),
                 rows_of(series.values, series.borders[static_cast<int>(split)].begin, options.seq_len));
  }
}

/// Dataset_Pred: the last window of the file, scaled by all its rows, and the stamps of the future.
void check_future(const io::SeriesTable& table, const DataOptions& options, ParityReport& report) {
  const auto rows = static_cast<int64_t>(table.rows()), width = static_cast<int64_t>(table.variates.size());
  const auto scaler = StandardScaler::fit(table.values, width, 0, rows);
  auto scaled = at::empty({options.seq_len, width}, at::kFloat);
  for (int64_t i = 0; i < options.seq_len * width; ++i) {
    scaled.mutable_data_ptr<float>()[i] =
        scaler.transform(table.values[(rows - options.seq_len) * width + i], i % width);
  }
  std::vector<io::Timestamp> stamps(table.stamps.end() - options.seq_len, table.stamps.end());
  for (int64_t step = 1; step <= options.pred_len; ++step)
    stamps.push_back(advance(table.stamps.back(), table.frequency, step));
  const auto marks = calendar_marks(stamps, table.frequency, 1);
  report.check("pred.seq_x", scaled);
  report.check("pred.seq_x_mark", rows_of(marks, 0, options.seq_len));
  report.check("pred.seq_y", rows_of(scaled, options.seq_len - options.label_len, options.label_len));
  report.check("pred.seq_y_mark",
               rows_of(marks, options.seq_len - options.label_len, options.label_len + options.pred_len));
}

void check_time_features(const ParityCase& fixture, ParityReport& report) {
  const auto fields = fixture.input("tf.stamp_fields").to(at::kLong).contiguous();
  const auto rows = fields.accessor<int64_t, 2>();
  std::vector<io::Timestamp> stamps;
  for (int64_t i = 0; i < fields.size(0); ++i) {
    stamps.push_back(io::to_timestamp(
        {rows[i][0], int(rows[i][1]), int(rows[i][2]), int(rows[i][3]), int(rows[i][4]), int(rows[i][5])}));
  }
  const auto count = fields.size(0);
  for (const auto& name : fixture.output_names()) {
    if (name.starts_with("tf.timeenc1.")) {
      auto features =
          at::empty({count, static_cast<int64_t>(io::time_feature_count(name.back()))}, at::kDouble);
      io::fill_time_features(
          stamps, name.back(),
          {features.mutable_data_ptr<double>(), static_cast<std::size_t>(features.numel())});
      report.check(name, features);
    } else if (name.starts_with("tf.timeenc0.")) {
      auto codes =
          at::empty({count, static_cast<int64_t>(io::time_code_count(io::TimeCodes::informer, name.back()))},
                    at::kLong);
      io::fill_time_codes(stamps, io::TimeCodes::informer, name.back(),
                          {codes.mutable_data_ptr<int64_t>(), static_cast<std::size_t>(codes.numel())});
      report.check(name, codes);
    }
  }
}

/// Constant forecasters on the test windows pin down what "MSE" and "MAE" mean.
void check_metrics(const ParityCase& fixture, const io::SeriesTable& table, const DataOptions& options,
                   ParityReport& report) {
  const SeriesData data({table}, options);
  std::vector<int64_t> all(data.windows(Split::test));
  std::iota(all.begin(), all.end(), int64_t{0});
  const auto batch = data.batch(Split::test, all);
  const auto metrics = fixture.info.at("data_facts").at("metrics");
  const std::array<std::pair<const char*, at::Tensor>, 2> forecasts{
      {{"last_value", batch.x_enc.narrow(1, options.seq_len - 1, 1)},
       {"window_mean", batch.x_enc.mean(1, true)}}};
  for (const auto& constant : forecasts) {
    const std::string name = constant.first;
    const auto forecast = constant.second.expand_as(batch.target);
    const auto check = [&](const std::string& section, const at::Tensor& f, const at::Tensor& y) {
      runtime::ErrorSums errors;
      errors.add(f, y);
      double mse = 0.0, mae = 0.0;
      metrics.at(name).at(section).at("mse").read(mse, {});
      metrics.at(name).at(section).at("mae").read(mae, {});
      report.check_value(fmt::format("{}.{}.mse", name, section), errors.mse(), mse, fixture.tolerance);
      report.check_value(fmt::format("{}.{}.mae", name, section), errors.mae(), mae, fixture.tolerance);
    };
    const int64_t last = batch.target.size(2) - 1;
    check("all_windows", forecast, batch.target);
    for (const auto& [section, ignored] : metrics.at(name).members()) {
      constexpr std::string_view kDropped = "drop_last_batch_";
      if (!section.starts_with(kDropped)) continue;
      const auto size = std::stoll(section.substr(kDropped.size()));
      const int64_t whole = batch.target.size(0) / size * size;
      check(section, forecast.narrow(0, 0, whole), batch.target.narrow(0, 0, whole));
    }
    check("MS_last_channel", forecast.narrow(2, last, 1), batch.target.narrow(2, last, 1));
  }
}

}  // namespace

void replay_data(const ParityCase& fixture, ParityReport& report) {
  const auto options = options_of(fixture, fixture.dataset(fixture.config.text("data") + ".csv").string());
  const auto table = read_table(options);
  check_splits(fixture, table, options, report);
  check_window_counts(fixture, table, options, report);
  check_other_loaders(table, options, report);
  check_future(table, options, report);
  check_time_features(fixture, report);
  check_metrics(fixture, table, options, report);
}

}  // namespace arzoo::forecast
