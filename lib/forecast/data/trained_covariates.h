#pragma once

#include <ATen/core/Tensor.h>

#include <map>

#include "forecast/data/covariates.h"
#include "forecast/data/scaler.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// Reads a scaler of `width` numbers, the value of the shape's `key`. Throws ConfigError for another number.
StandardScaler read_scaler(const Config& config, const char* key, int64_t width);
/// The same of one per series.
std::map<std::string, StandardScaler> read_scalers(const Config& config, const char* key, int64_t width);

/// What a trained model knows of the parts of its columns, and how it reads covariates. Empty for a model
/// whose columns are all targets.
class TrainedCovariates {
 public:
  TrainedCovariates() = default;
  /// config: "covariates" of the model's config.json. scale: whether training standardised. Throws
  /// ConfigError for channels that do not fit the shape.
  TrainedCovariates(const Config& config, const SeriesShape& shape, bool scale);

  const CovariateRoles& roles() const { return roles_; }
  const io::Categories& categories() const { return categories_; }
  /// What the model sees as x_enc: past covariates, then targets.
  io::SeriesTable variates(const io::SeriesTable& table) const { return channels_.variates.of(table); }

  /// Throws UsageError for a forecast of so many tables and steps with the future of `ahead` tables: where
  /// covariates known ahead are missing or not wanted, or past ones would be needed of the steps ahead.
  void require(const std::string& model, std::size_t tables, std::size_t ahead, int64_t horizon) const;
  /// The covariates known ahead in the table's last `context` rows and at `horizon` steps after them,
  /// [context + horizon, F] float, scaled; undefined without any.
  at::Tensor known(const io::SeriesTable& table, const KnownAhead* ahead, int64_t context,
                   int64_t horizon) const;
  /// The static ones, [G] float, scaled; undefined without any.
  at::Tensor statics(const io::SeriesTable& table) const;

 private:
  StandardScaler known_scaler_for(const io::SeriesTable& known) const;

  CovariateRoles roles_;
  io::Categories categories_;
  CovariateChannels channels_;
  bool scale_ = true;
  int64_t pred_len_ = 0;
  std::map<std::string, StandardScaler> known_scalers_;
  StandardScaler static_scaler_;
};

}  // namespace arzoo::forecast
