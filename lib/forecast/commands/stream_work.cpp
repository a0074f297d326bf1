#include "forecast/commands/stream_work.h"

#include <torch/torch.h>

#include "core/scratch_folder.h"
#include "forecast/commands/forecast_stream.h"
#include "forecast/experiment.h"
#include "forecast/forecast_model.h"
#include "plan/tasks.h"

namespace arzoo::forecast {
namespace {

ForecastModel reopened(ForecastExperiment& experiment, const runtime::Compute& compute) {
  const ScratchFolder folder;
  experiment.save(folder.path());
  return ForecastModel::open(folder.path(), std::nullopt, compute);
}

class StreamWork : public runtime::SpeedWork {
 public:
  StreamWork(const Json& request, ForecastExperiment& experiment, const runtime::Compute& compute)
      : line_(dump_json(request)),
        model_(reopened(experiment, compute)),
        stream_(task_, model_, model_.shape().pred_len) {
    const auto reply = stream_.answer(line_);
    if (reply.contains("error")) fail<DataError>("{}", reply["error"].get<std::string>());
  }

  void run() override { answer_ = dump_json(stream_.answer(line_)); }

 private:
  std::string line_, answer_;
  plan::ForecastTask task_;
  ForecastModel model_;
  ForecastStream stream_;
};

}  // namespace

std::unique_ptr<runtime::SpeedWork> make_stream_work(const runtime::SpeedRequest& request,
                                                     const runtime::Compute& compute) {
  ForecastExperiment experiment(request.run, compute);
  const auto line = experiment.stream_request();
  if (line.is_null()) return nullptr;
  return std::make_unique<StreamWork>(line, experiment, compute);
}

}  // namespace arzoo::forecast
