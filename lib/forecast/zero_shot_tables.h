#pragma once

#include <optional>
#include <span>
#include <vector>

#include "forecast/data/covariates.h"
#include "forecast/zero_shot_model.h"
#include "io/series_table.h"

/// Tables as zero-shot models read them.
namespace arzoo::forecast {

/// What of a table a model reads.
struct ZeroShotReading {
  const CovariateRoles& roles;  ///< resolved; empty: every variate is a series of its own
  int64_t most_rows;            ///< of the table's end, of a model without covariates
  bool gaps;                    ///< cells that nothing was measured for are missing values, else as filled
  std::optional<int64_t> season =
      std::nullopt;  ///< steps; the usual one of a table's frequency when not given
};

/// The series of a table: one per variate, or one with the targets and covariates of the roles. ahead: the
/// covariates known ahead, in the roles' order; null without any. Throws DataError for a column that the
/// table lacks, UsageError for static covariates, which no such model takes.
std::vector<ZeroShotSeries> zero_shot_series(const io::SeriesTable& table, const KnownAhead* ahead,
                                             const ZeroShotReading& reading);

/// A column of a table as a covariate that is known in the past only.
ZeroShotCovariate covariate_of_table(const io::SeriesTable& table, const std::string& name);

}  // namespace arzoo::forecast
