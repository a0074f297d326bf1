#pragma once

#include <algorithm>
#include <optional>

#include "core/config.h"
#include "forecast/series_shape.h"
#include "io/frequency.h"
#include "io/resample.h"

namespace arzoo::forecast {

/// How rows are divided in time. The official ETT borders, or shares of the file.
struct SplitOptions {
  std::string kind = "ratio";
  double train = 0.7;
  double test = 0.2;
  double calibration = 0.0;

  static void fields(auto& o, auto& field) {
    field("kind", o.kind, one_of({"ratio", "ett_hour", "ett_minute"}),
          "ratio: shares of the rows; ett_hour, ett_minute: 12 + 4 + 4 months, the rest unused (Informer's "
          "borders)");
    field("train", o.train, between(0, 1), "share of the rows to train on (kind ratio)");
    field("test", o.test, between(0, 1),
          "share of the rows to test on, from the end; the rest validates (kind ratio)");
    field(
        "calibration", o.calibration, from_below(0, 1),
        "share of the validation rows, from their end, for the prediction intervals alone; 0: all validation "
        "windows choose the epoch and calibrate the intervals");
  }
  void check() const {
    require(train > 0 && train + test <= 1, "train ({}) + test ({}) must lie in (0, 1]", train, test);
  }
};

/// How one file is read and divided in time.
struct FileOptions {
  std::string path;
  std::string format = "auto";
  std::string date;
  std::string id;
  std::vector<std::string> columns;
  std::string freq;
  std::string resample;
  std::string missing = "error";
  SplitOptions split;

  static void fields(auto& o, auto& field) {
    field("path", o.path, a_path(),
          "CSV (plain or .gz), Parquet or Arrow file, relative to the config file; a folder or a pattern "
          "such as "
          "dir/*.csv for several; - for stdin");
    field("format", o.format, one_of({"auto", "wide", "long"}),
          "wide: a date column and one column per variate; long: unique_id,ds,y[,covariates]");
    field("date", o.date, {}, "name of the date column; detected when empty");
    field("id", o.id, {}, "name of the column that names the series of a long file, unique_id when empty");
    field("columns", o.columns, {}, "columns to use; empty for all, which must then be numeric");
    field("freq", o.freq, {}, "frequency such as h, 15min, D; inferred when empty");
    field(
        "resample", o.resample, {},
        "bring rows at any moments onto a regular step, as in 1h:mean: a frequency and sum, mean, min, max, "
        "first, last or count");
    field("missing", o.missing, one_of({"error", "ffill", "interpolate"}),
          "how to handle empty cells and missing rows");
    field("split", o.split, {}, "train, validation and test borders");
  }
};

/// One part of a mixture. A folder stands for all of its .csv and .csv.gz files.
struct SourceOptions : FileOptions {
  void check() const { require(!path.empty(), "path is empty, expected a CSV file or a folder of them"); }
};

/// Series without a calendar to pre-train on, as Time-MoE's training reads them.
struct SequenceOptions {
  std::string path;
  int64_t max_length = 1024;
  std::optional<int64_t> stride;
  std::string windows = "apart";
  std::string normalisation = "zero";
  double validation = 0.05;

  static void fields(auto& o, auto& field) {
    field(
        "path", o.path, a_path(),
        ".jsonl, .json, .npy or .pkl file, a folder of Time-300B's binary form, or a folder of any of these");
    field("max_length", o.max_length, between(1, SeriesShape::kMostSteps),
          "input length of a window in points");
    field("stride", o.stride, between(1, SeriesShape::kMostSteps),
          "points between the starts of two windows of a series (windows apart); null for max_length");
    field(
        "windows", o.windows, one_of({"apart", "packed"}),
        "apart: each window is of one series, a short series is padded on the right and the padding does not "
        "count in the loss; packed: the series are cut one behind the other, so that nothing is padded: a "
        "window may hold the end of one and the start of the next, which sees what is before it; the step "
        "between the two does not count in the loss, the last points that fill no window are left out");
    field("normalisation", o.normalisation, one_of({"zero", "max", "none"}),
          "of each whole series: zero: standardised by its mean and standard deviation; max: divided by its "
          "largest magnitude");
    field("validation", o.validation, from_below(0, 1),
          "share of the series that validate, evenly spread over the data; 0 for none");
  }
  void check() const {
    require(windows == "apart" || !stride,
            "stride cannot be combined with windows \"packed\" (packed windows do not "
            "overlap)");
  }
};

/// The "data" section of a forecaster's config. No torch in here.
struct DataOptions : FileOptions {
  std::vector<SourceOptions> sources;
  SequenceOptions sequences;
  std::string features = "M";
  std::string target;
  std::vector<std::string> targets;
  std::vector<std::string> past_covariates;
  std::vector<std::string> future_covariates;
  std::vector<std::string> static_covariates;
  std::vector<std::string> categories;
  bool scale = true;
  bool scale_windows = false;
  int64_t mixed_windows = 1;
  bool random_cuts = false;
  std::optional<int64_t> min_past;
  bool marks = true;
  int64_t timeenc = 1;
  int64_t seq_len = 96;
  int64_t label_len = 48;
  int64_t pred_len = 96;

  static void fields(auto& o, auto& field) {
    FileOptions::fields(o, field);
    field("sources", o.sources, {},
          "instead of path: files or folders of any frequency to train on together, every variate a series "
          "of its own "
          "and every window of it one item, for models that forecast each variate by itself");
    field("sequences", o.sequences, {},
          "instead of path: series without a calendar, for models that are pre-trained on windows of them");
    field("features", o.features, one_of({"M", "S", "MS"}),
          "M: all variates predict all; S: the target alone; MS: all predict the target");
    field("target", o.target, {}, "target column of S and MS, the last one when empty");
    field("targets", o.targets, {},
          "columns to forecast, when some columns have another part; empty for all that have none");
    field("past_covariates", o.past_covariates, {},
          "columns that help to forecast the targets and are known up to the last row");
    field("future_covariates", o.future_covariates, {},
          "columns that are known of the steps ahead too (calendar events, prices, weather forecasts); "
          "forecast then needs --future");
    field("static_covariates", o.static_covariates, {},
          "columns with one value per series of a long file (region, size)");
    field("categories", o.categories, {},
          "covariates to read as categories although they hold numbers; those that hold texts are anyway");
    field("scale", o.scale, {}, "standardise each column by the training rows' mean and standard deviation");
    field(
        "scale_windows", o.scale_windows, {},
        "standardise each window by the mean and standard deviation of its history, in training and later: "
        "the model then forecasts any series as a published zero-shot model does (models of any length, with "
        "sources)");
    field("mixed_windows", o.mixed_windows, between(1, 100),
          "with scale_windows: each training window is a random mixture of up to this many windows of its "
          "batch, negated with probability 0.5 (after Chronos' TSMixup); 1 for no mixing");
    field(
        "random_cuts", o.random_cuts, {},
        "fine-tune as Chronos-2's official code does: each item is a series cut at a random place, with the "
        "history before it, up to the model's context_length, and the next pred_len steps to forecast; the "
        "last pred_len steps of each series validate; the run's model is a published folder or an adapter");
    field("min_past", o.min_past, between(1, SeriesShape::kMostSteps),
          "with random_cuts: steps before a cut, at least; null for pred_len");
    field("marks", o.marks, {}, "give the model calendar features");
    field("timeenc", o.timeenc, between(0, 1),
          "calendar features: 1 for values in [-0.5, 0.5], 0 for integer codes");
    SeriesShape::length_fields(o, field);
  }
  void check() const {
    const bool has_sequences = !sequences.path.empty();
    require(!path.empty() || !sources.empty() || has_sequences,
            "path is empty, expected the CSV file to train on");
    require(!has_sequences || (path.empty() && sources.empty()),
            "sequences cannot be given together with path or sources");
    require(label_len <= seq_len, "label_len ({}) must not exceed seq_len ({})", label_len, seq_len);
    if (!freq.empty()) io::parse_frequency(freq);
    if (!resample.empty()) io::parse_resampling(resample);
    require(freq.empty() || resample.empty(),
            "freq and resample cannot be given together (resample sets it)");
    check_roles();
    require(!scale_windows || !sources.empty(),
            "scale_windows requires sources (series of one variate each)");
    require(mixed_windows == 1 || scale_windows, "mixed_windows requires scale_windows");
    require(!random_cuts || !path.empty(), "random_cuts requires path (one file)");
    require(!min_past || random_cuts, "min_past requires random_cuts");
    if (sources.empty()) return;
    require(path.empty(), "path and sources cannot be given together (add the file to the sources)");
    require(!marks, "marks must be false with sources: files of several frequencies have no common calendar");
    require(features == "M" && target.empty(),
            "sources forecast every variate, features and target do not apply");
  }
  /// Whether columns have parts: targets or covariates.
  bool has_roles() const { return !targets.empty() || has_covariates(); }
  bool has_covariates() const {
    return !past_covariates.empty() || !future_covariates.empty() || !static_covariates.empty();
  }
  void check_roles() const {
    std::vector<std::string> named;
    for (const auto* part : {&past_covariates, &future_covariates, &static_covariates})
      named.insert(named.end(), part->begin(), part->end());
    for (const auto& name : categories) {
      require(std::find(named.begin(), named.end(), name) != named.end(),
              "categories names \"{}\", expected a covariate (past_covariates, future_covariates or "
              "static_covariates)",
              name);
    }
    if (!has_roles()) return;
    require(!path.empty(), "targets and covariates name columns of one file, give it as path");
    require(features == "M" && target.empty(),
            "features and target cannot be combined with targets and covariates, which say more");
    require(
        columns.empty(),
        "columns cannot be combined with targets and covariates (name the columns to forecast in targets)");
    named.insert(named.end(), targets.begin(), targets.end());
    std::sort(named.begin(), named.end());
    const auto twice = std::adjacent_find(named.begin(), named.end());
    require(twice == named.end(),
            "the column \"{}\" has two parts among targets and covariates, expected one",
            twice == named.end() ? "" : *twice);
  }
  /// Every variate is a series of its own: one number in, one out.
  bool variates_apart() const { return !sources.empty(); }
};

/// Throws ConfigError unless the calendar features are of the kind that the model embeds: values for embed
/// "timeF", integer codes for "fixed" and "learned". run: resolved sections "model" and "data".
inline void check_calendar(const Config& run) {
  const auto model = run.at("model"), data = run.at("data");
  if (!model.has("embed")) return;
  const auto embed = model.text("embed");
  int64_t timeenc = 1, wanted = embed == "timeF" ? 1 : 0;
  data.at("timeenc").read(timeenc, {});
  if (timeenc != wanted) {
    data.at("timeenc").reject(fmt::format(
        "{} cannot be combined with model.embed \"{}\", expected {} (embed timeF takes values, fixed and "
        "learned take integer codes)",
        timeenc, embed, wanted));
  }
}

/// The "evaluation" section of a forecaster's config.
struct EvaluationOptions {
  int64_t batch_size = 128;
  int64_t max_windows = 0;
  bool test = true;

  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, at_least(1), "windows evaluated at once; results do not depend on it");
    field("max_windows", o.max_windows, at_least(0),
          "windows of a split that are evaluated, evenly spread over it; 0 for all");
    field("test", o.test, {}, "evaluate the best model on the test split at the end");
  }
};

}  // namespace arzoo::forecast
