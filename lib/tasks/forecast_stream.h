#pragma once

#include "forecast/forecast_model.h"
#include "plan/tasks.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {

/// Answers one context window per line of stdin with one forecast per line of stdout, flushed, until the input ends.
///
///     {"values": [[1.0, 2.0], …], "ds": "2016-07-01 00:00:00", "id": 7, "horizon": 24}
///     {"id": 7, "ds": ["2016-07-01 01:00:00", …], "yhat": [[1.1, 2.1], …], "lo-80": …, "hi-80": …}
///
/// "values": at least seq_len rows, oldest first, each with the variates in the training order (one variate: plain numbers).
/// "ds": the stamp of the last row, or one stamp per row; may be left out when the model has no calendar features, and so
/// may be "id" and "horizon". A line that cannot be answered is answered {"id": …, "error": "…"}, and the stream goes on.
/// Returns {"lines", "failed"}.
Json stream_forecasts(const plan::ForecastTask& task, const forecast::ForecastModel& model, int64_t horizon, Stop stop);

}  // namespace arzoo::tasks
