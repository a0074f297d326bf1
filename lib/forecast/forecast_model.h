#pragma once

#include <filesystem>
#include <map>
#include <optional>

#include "forecast/data/seen_rows.h"
#include "forecast/data/series_data.h"
#include "forecast/data/trained_covariates.h"
#include "forecast/layers/distribution_head.h"
#include "forecast/scores/conformal.h"
#include "forecast/xreg.h"
#include "forecast/zero_shot_model.h"
#include "kernels/quantized_weights.h"
#include "runtime/device.h"

namespace arzoo::forecast {

/// Where the truth lies with a probability of `level` percent: [horizon, variates] double each.
struct ForecastInterval {
  double level;
  at::Tensor low, high;
};

/// What of a distribution is asked for.
struct ForecastLevels {
  // Not explicit: mostly intervals are asked for, or nothing.
  ForecastLevels(std::vector<double> percents = {}, std::vector<double> shares = {})
      : intervals(std::move(percents)), quantiles(std::move(shares)) {}
  ForecastLevels(std::initializer_list<double> percents) : intervals(percents) {}

  std::vector<double> intervals;  ///< in percent, ascending
  std::vector<double> quantiles;  ///< in (0, 1), ascending
  bool distribution = false;      ///< SeriesForecast::distribution as well, where the model has one
  /// Corrects the distribution that a model learnt by its validation windows (distributional conformal
  /// prediction); intervals of a point forecast are conformal in any case.
  bool conformal = false;
  bool backcast = false;  ///< SeriesForecast::backcast as well, where the model has one
  bool empty() const { return intervals.empty() && quantiles.empty(); }
};

/// What came out for one series: values in the units of the input.
struct SeriesForecast {
  std::string unique_id;
  std::vector<std::string> variates;                     ///< those forecast
  std::vector<io::Timestamp> stamps;                     ///< of the steps ahead
  at::Tensor mean;                                       ///< [horizon, variates] double
  std::vector<ForecastInterval> intervals;               ///< of the levels asked for
  std::vector<std::pair<double, at::Tensor>> quantiles;  ///< level → [horizon, variates] double
  Distribution distribution;  ///< cells [horizon, variates]; undefined unless asked for
  at::Tensor scale = {};      ///< [variates] double: of one unit of the model's output
  at::Tensor backcast = {};   ///< [B, variates] double: of the last B known rows; undefined unless asked for
};

/// A trained forecaster ready for new data. Nothing in it changes after it is opened.
class ForecastModel {
 public:
  /// `path`: a run directory, the model folder in it, or any folder with config.json and weights; the name of
  /// a baseline (baseline_models.h) where there is no such file; with `config` a weights file and its
  /// configuration, ours (model_config) or the flat official one. `state_dict`: of a .pth file with several.
  /// A folder whose config.json has "ensemble" is an ensemble (forecast_ensemble.h).
  /// Throws CheckpointError, ConfigError.
  static ForecastModel open(const std::filesystem::path& path, const std::optional<Config>& config,
                            const runtime::Compute& compute, std::string_view state_dict = "");

  const std::string& name() const { return name_; }
  const DataOptions& options() const { return options_; }
  const SeriesShape& shape() const { return shape_; }
  Forecaster& module() const { return *model_; }
  int64_t parameters() const;
  /// Rows that a series must have at least.
  int64_t least_context() const { return zero_shot_ ? 1 : shape_.seq_len; }
  /// Rows of a series' end that a forecast of `horizon` steps looks at, at most.
  int64_t most_context(int64_t horizon) const;
  /// Whether it forecasts series that it never saw, of any length: a published pre-trained model, or one that
  /// was trained to (DataOptions::scale_windows).
  bool is_zero_shot() const { return zero_shot_; }
  /// Whether a call gains from having many series: what is fitted to all of them together (a regression, the
  /// linear map), and pre-trained models, whose passes take series of any lengths, or let them inform each
  /// other.
  bool gains_from_company() const;
  bool has_intervals() const;
  /// Whether it was trained to forecast distributions (training.loss quantile, student_t, normal).
  bool has_distribution() const { return head_ != nullptr; }
  /// What its validation windows told of its errors; empty: nothing.
  const ConformalScores& scores() const { return scores_; }
  /// Throws UsageError for a level that the model does not forecast, or that too few windows calibrate.
  void require_levels(const ForecastLevels& levels) const;
  /// Those of the levels (in percent) that the model forecasts.
  std::vector<double> possible_levels(const std::vector<double>& levels, bool conformal) const;
  /// Lag-1 autocorrelation of its errors over the steps, which sample paths need. Throws UsageError where the
  /// checkpoint does not say, or there is no distribution to sample from.
  double autocorrelation(int64_t variate) const;
  /// Of a zero-shot model: what the columns of the next tables are; resolved.
  void set_roles(const CovariateRoles& roles);
  /// Puts a linear regression on the roles' covariates (xreg.h) around whatever model this is. It explains
  /// the targets and the model forecasts what it leaves, or it explains what the model leaves of the known
  /// rows; the tables of a call are fitted together.
  void set_xreg(CovariateRoles roles, XRegMode mode, double ridge) {
    xreg_roles_ = std::move(roles);
    xreg_mode_ = mode;
    ridge_ = ridge;
  }
  /// Whether the cells that nothing was measured for stay missing, where the model can read that.
  void keep_gaps(bool keep) { keep_gaps_ = keep; }
  /// Of a zero-shot model: steps of the season, where it is not the usual one of a table's frequency.
  void set_season(std::optional<int64_t> season);
  /// Of a zero-shot model: the options of its forecasts. Throws ConfigError, UsageError for another model.
  void configure(const Config& options);
  /// As ZeroShotModel::decoding; null of a trained model.
  Json decoding() const;
  /// Whether histories may have missing values; else cells are filled before.
  bool reads_gaps() const;
  /// What training saw of a series of this name, or of the one file that it read; null where the checkpoint
  /// does not say.
  const SeenRows* seen_rows(const io::SeriesTable& table) const;
  /// Names of the variates in the model's order; v0, v1, … where the checkpoint does not say.
  const std::vector<std::string>& variates() const { return variates_; }
  /// Frequency of the training data.
  const io::Frequency& frequency() const { return frequency_; }
  /// The parts of its columns, resolved; empty where every column is a target.
  const CovariateRoles& roles() const {
    return !xreg_roles_.empty() ? xreg_roles_ : zero_shot_ ? given_roles_ : covariates_.roles();
  }
  /// Those of its columns that hold texts, with the texts that training saw; null: none.
  const io::Categories& categories() const { return covariates_.categories(); }
  /// The variates that a forecast of this table would have: all, or the target alone (features S and MS).
  std::vector<std::string> forecast_variates(const io::SeriesTable& table) const;

  /// Forecasts `horizon` steps after the last row of each table, the tables in batches; a horizon beyond
  /// pred_len rolls, each round seeing the previous one's forecast. A
  /// model that was trained on a mixture (DataOptions::variates_apart) forecasts each variate of any table by
  /// itself; a zero-shot one as well unless roles are set, from as many rows as a table has. Throws DataError
  /// for a table that lacks a variate, has one that the model was not trained on, or is too short. ahead: of
  /// a model with covariates known ahead, those of each table; throws UsageError where they are missing, or
  /// not wanted.
  std::vector<SeriesForecast> forecast(std::span<const io::SeriesTable> tables, int64_t horizon,
                                       const ForecastLevels& levels,
                                       std::span<const KnownAhead> ahead = {}) const;
  std::vector<SeriesForecast> forecast(const std::vector<io::SeriesTable>& tables, int64_t horizon,
                                       const ForecastLevels& levels) const {
    return forecast(std::span(tables), horizon, levels);
  }

  /// The steps after each row of `history`, [R, T] float on the CPU, as it is: nothing is scaled but
  /// by the model itself. levels: of quantiles, which some models have. Throws UsageError for a model that
  /// forecasts only what it was trained on.
  struct RowForecasts {
    at::Tensor point;  ///< [R, horizon] float on the CPU
    at::Tensor quantiles =
        {};  ///< [R, levels, horizon]; undefined: none were asked for, or the model has none
  };
  RowForecasts forecast_rows(const at::Tensor& history, int64_t horizon,
                             const std::vector<double>& levels = {}) const;

  /// Fills what was not measured of a table (io::SeriesTable::filled), whose cells hold a first guess there:
  /// each from the windows around it. Returns [rows, variates] double in the units of the input, NaN at
  /// measured cells. Throws UsageError unless the model reconstructs (forecast/reconstructor.h).
  at::Tensor reconstruct(const io::SeriesTable& table) const;
  /// Steps of a window that it reconstructs; throws UsageError unless it does.
  int64_t reconstruction_window() const;

 private:
  struct Input;
  at::Tensor reconstruct_whole(const io::SeriesTable& table) const;
  std::vector<SeriesForecast> forecast_whole(std::span<const io::SeriesTable> tables, int64_t horizon,
                                             const ForecastLevels& levels,
                                             std::span<const KnownAhead> ahead) const;
  std::vector<SeriesForecast> forecast_any(std::span<const io::SeriesTable> tables, int64_t horizon,
                                           const ForecastLevels& levels,
                                           std::span<const KnownAhead> ahead) const;
  std::vector<SeriesForecast> forecast_around(std::span<const io::SeriesTable> tables, int64_t horizon,
                                              const ForecastLevels& levels,
                                              std::span<const KnownAhead> ahead) const;
  std::vector<SeriesForecast> forecast_before_regression(std::span<const io::SeriesTable> tables,
                                                         int64_t horizon, const ForecastLevels& levels,
                                                         std::span<const ZeroShotSeries> series) const;
  at::Tensor known_rows_forecast(const io::SeriesTable& table, int64_t horizon) const;
  std::vector<SeriesForecast> forecast_itself(std::span<const io::SeriesTable> tables, int64_t horizon,
                                              const ForecastLevels& levels,
                                              std::span<const KnownAhead> ahead) const;
  ZeroShotModel& any_series() const;
  static ForecastModel open_ensemble(const std::filesystem::path& folder, const Config& config,
                                     const runtime::Compute& compute);
  std::vector<SeriesForecast> forecast_members(std::span<const io::SeriesTable> tables, int64_t horizon,
                                               const ForecastLevels& levels) const;
  bool can_forecast(const ForecastLevels& levels) const;
  static ForecastModel of_baseline(const std::string& name, std::unique_ptr<ZeroShotModel> baseline);
  static SeriesForecast side_by_side(const io::SeriesTable& table, std::span<const SeriesForecast> variates);
  Input prepare(const io::SeriesTable& table, const KnownAhead* ahead, int64_t horizon) const;
  bool variates_apart() const { return zero_shot_ ? given_roles_.empty() : options_.variates_apart(); }
  StandardScaler scaler_for(const io::SeriesTable& table) const;
  std::vector<int64_t> columns_of(const io::SeriesTable& table) const;
  SeriesForecast in_original_units(const io::SeriesTable& table, const Input& input, const at::Tensor& scaled,
                                   const Distribution& distribution, const ForecastLevels& levels) const;
  void add_conformal(SeriesForecast& result, const ForecastLevels& levels, const at::Tensor& scale) const;
  void add_learned(SeriesForecast& result, const ForecastLevels& levels) const;
  at::Tensor score_width(double level, int64_t horizon) const;
  Distribution round_distribution(const ForecastBatch& batch, const at::Tensor& out,
                                  const std::vector<Distribution>& before) const;
  at::Tensor roll(std::vector<Input>& inputs, int64_t horizon, Distribution* distribution) const;

  std::string name_;
  runtime::Compute compute_;
  DataOptions options_;
  SeriesShape shape_;
  std::vector<std::string> variates_;
  bool named_ =
      false;  ///< the checkpoint says what its variates are called; else any file of as many will do
  bool zero_shot_ = false;      ///< made for any series: no scaler, no window of a fixed length
  CovariateRoles given_roles_;  ///< of a zero-shot model
  CovariateRoles xreg_roles_;   ///< of a regression around the model; empty: none
  XRegMode xreg_mode_ = XRegMode::regression_first;
  double ridge_ = 0.0;
  bool keep_gaps_ = true;
  io::Frequency frequency_;
  std::map<std::string, StandardScaler> scalers_;
  TrainedCovariates covariates_;
  std::map<std::string, SeenRows> seen_rows_;
  std::optional<int64_t> season_;
  std::shared_ptr<Forecaster> model_;          ///< null for a baseline
  std::shared_ptr<ZeroShotModel> any_series_;  ///< of a zero-shot model: the same, or a baseline
  /// Of an ensemble: the models whose forecasts are averaged, with their weights.
  std::vector<std::pair<double, std::shared_ptr<ForecastModel>>> members_;
  LossOptions loss_;
  std::shared_ptr<DistributionHead> head_;                ///< null for a point forecast
  std::shared_ptr<kernels::QuantizedWeights> quantized_;  ///< empty in full precision
  ConformalScores scores_;
};

}  // namespace arzoo::forecast
