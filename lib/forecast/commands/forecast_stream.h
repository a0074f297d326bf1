#pragma once

#include "core/stop.h"
#include "forecast/forecast_model.h"
#include "io/date_format.h"
#include "plan/stream_request.h"
#include "plan/tasks.h"

namespace arzoo::forecast {

/// Reads time stamps and remembers how they are written, so that a stream pays for finding it out once.
class StampReader {
 public:
  /// Throws DataError "what is wrong" for a text that is no time stamp, has a fraction of a second, or could
  /// be read with the month first and with the day first.
  io::Timestamp read(const std::string& text);
  /// How the last stamp was written.
  const io::DateFormat& format() const { return format_; }

 private:
  io::DateFormat format_;
};

/// Answers context windows, one JSON text each, with forecasts.
///
///     {"values": [[1.0, 2.0], …], "ds": "2016-07-01 00:00:00", "id": 7, "horizon": 24}
///     {"id": 7, "ds": ["2016-07-01 01:00:00", …], "yhat": [[1.1, 2.1], …], "lo-80": …, "hi-80": …}
///
/// "values": at least seq_len rows, oldest first, each with the variates in the training order (one variate:
/// plain numbers). "ds": the stamp of the last row, or one stamp per row, of which the last counts; it may be
/// left out when the model has no calendar features, and so may be "id" and "horizon". The answer's stamps
/// are written as the request's are.
class ForecastStream {
 public:
  /// Of `task` the levels and the frequency count. `task` and `model` must outlive this. Throws UsageError
  /// for a malformed frequency, and for a model that needs more than numbers of the history.
  ForecastStream(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon);

  /// The answer to one line; {"id": …, "error": "…"} for one that cannot be answered.
  Json answer(const std::string& line);

 private:
  io::SeriesTable read_window(plan::StreamRequest& request);
  io::Timestamp read_last_stamp(const plan::StreamRequest& request, int64_t rows);
  io::Timestamp read_stamp(const Config& ds);

  ForecastLevels levels_;
  const ForecastModel& model_;
  int64_t horizon_;
  std::optional<io::Frequency> frequency_;  ///< none of a model for any series, unless it is given
  StampReader stamps_;
};

/// Answers each line of stdin with a line of stdout, flushed, until the input ends; a line that cannot be
/// answered, or has more than plan::kLongestStreamLine bytes, does not end the stream. Returns {"lines",
/// "failed"}.
Json stream_forecasts(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon, Stop stop);

}  // namespace arzoo::forecast
