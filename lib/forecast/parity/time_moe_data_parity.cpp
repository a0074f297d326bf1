#include "forecast/parity/time_moe_data_parity.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "forecast/data/sequence_windows.h"
#include "forecast/zero_shot_windows.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::vector<int64_t> numbers(int64_t first, int64_t last) {
  std::vector<int64_t> all(last - first);
  std::iota(all.begin(), all.end(), first);
  return all;
}

int64_t integer(const Config& section, const char* key) {
  int64_t value = 0;
  section.at(key).read(value, {});
  return value;
}

/// All windows in batches of the case's size: the first batch's forecasts and the errors of all.
void check_forecasts(const ParityCase& fixture, const ZeroShotWindows& windows, TimeMoe& model,
                     ParityReport& report) {
  const auto params = fixture.info.at("params");
  const int64_t batch_size = integer(params, "batch_size"), horizon = integer(params, "prediction_length");
  runtime::ErrorSums errors;
  for (int64_t first = 0; first < windows.size(); first += batch_size) {
    const auto batch = windows.batch(numbers(first, std::min(first + batch_size, windows.size())));
    const auto forecast = model.forecast_rows(batch.x_enc.squeeze(-1), {}, horizon);
    if (first == 0) report.check("first_batch_predictions", forecast);
    errors.add(forecast, batch.target.squeeze(-1));
  }
  report.check("mse", at::tensor(errors.mse(), at::kDouble).squeeze());
  report.check("mae", at::tensor(errors.mae(), at::kDouble).squeeze());
  report.check("count", at::scalar_tensor(errors.count(), at::kLong));
}

SequenceScale official_scale(const Config& name) {
  if (name.json().is_null()) return SequenceScale::none;
  return name.text() == "max" ? SequenceScale::max : SequenceScale::zero;
}

}  // namespace

void replay_time_moe_evaluation(const ParityCase& fixture, TimeMoe* model, ParityReport& report) {
  const auto params = fixture.info.at("params");
  const auto file = std::filesystem::path(params.text("csv_name")).filename().string();
  const auto table = io::read_series(fixture.dataset(file)).tables.front();
  const ZeroShotWindows windows(table, file, integer(params, "context_length"),
                                integer(params, "prediction_length"));
  report.check("num_windows", at::scalar_tensor(windows.size(), at::kLong));
  report.check("num_sequences", at::scalar_tensor(windows.columns(), at::kLong));
  std::vector<int64_t> chosen;
  params.at("windows").read(chosen, {});
  for (auto& index : chosen) index += index < 0 ? windows.size() : 0;
  const auto batch = windows.batch(chosen);
  report.check("window_index", at::tensor(chosen, at::kLong));
  report.check("window_inputs", batch.x_enc.squeeze(-1));
  report.check("window_labels", batch.target.squeeze(-1));
  if (model != nullptr) check_forecasts(fixture, windows, *model, report);
}

void replay_time_moe_dataset(const ParityCase& fixture, ParityReport& report) {
  for (const auto& variant : fixture.info.at("params").at("variants").elements()) {
    const auto fields = variant.elements();
    const auto tag = fields.at(0).text();
    const auto sequences = open_sequences(fixture.folder / fields.at(1).text());
    int64_t max_length = 0;
    fields.at(3).read(max_length, at_least(1));
    std::optional<int64_t> stride;
    fields.at(4).read(stride, at_least(1));
    const SequenceWindows windows(*sequences, official_scale(fields.at(2)), max_length, stride);
    std::vector<int64_t> places;
    for (int64_t i = 0; i < windows.size(); ++i) {
      places.push_back(windows.place(i).sequence);
      places.push_back(windows.place(i).offset);
    }
    const auto batch = windows.batch(numbers(0, windows.size()));
    report.check(tag + ".num_windows", at::scalar_tensor(windows.size(), at::kLong));
    report.check(tag + ".sub_seq_indexes", at::tensor(places, at::kLong).view({-1, 2}));
    report.check(tag + ".input_ids", batch.input_ids);
    report.check(tag + ".labels", batch.labels);
    report.check(tag + ".loss_masks", batch.loss_masks);
  }
}

}  // namespace arzoo::forecast
