#include "fuzz/commands/small_model.h"

#include <torch/torch.h>

#include <algorithm>
#include <fstream>

#include "forecast/commands/forecast_stream.h"
#include "forecast/forecast_model.h"
#include "forecast/scores/conformal.h"
#include "forecast/zoo.h"
#include "runtime/device.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"

namespace arzoo::fuzz {
namespace {

Json tiny_run(const std::string& name) {
  const auto config = Config::load(fs::path(ARZOO_SOURCE_DIR) / "configs/forecast" / (name + "_tiny.json"));
  return config.json();
}

void write_folder(const fs::path& folder, const Json& config, const torch::nn::Module& model) {
  fs::create_directories(folder);
  std::ofstream(folder / "config.json") << dump_json(config, 2);
  runtime::write_safetensors(folder / "model.safetensors", runtime::state_dict(model).entries(),
                             {{"format", "pt"}});
}

}  // namespace

std::string sample_csv() {
  constexpr int kRows = 100;
  std::string csv = "date,a,b\n";
  for (int hour = 0; hour < kRows; ++hour) {
    csv += fmt::format("2020-01-{:02} {:02}:00:00,{},{}\n", 1 + hour / 24, hour % 24, 50 + hour % 24,
                       100.5 - hour * 7 % 11);
  }
  return csv;
}

const std::vector<std::string>& small_models() {
  static const auto names = [] {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(fs::path(ARZOO_SOURCE_DIR) / "configs/forecast")) {
      const auto stem = entry.path().stem().string();
      if (stem.ends_with("_tiny")) found.push_back(stem.substr(0, stem.rfind("_tiny")));
    }
    std::sort(found.begin(), found.end());
    return found;
  }();
  return names;
}

void write_small_model(const fs::path& folder, const std::string& name) {
  auto run = tiny_run(name);
  run["data"]["path"] = "series.csv";
  const Config data(run["data"], name);
  const auto options = data.as<forecast::DataOptions>();
  forecast::SeriesShape shape{options.seq_len, options.label_len, options.pred_len};
  shape.enc_in = shape.c_out = static_cast<std::int64_t>(kSampleVariates.size());
  shape.marks = options.marks ? 4 : 0;
  const Json scaler{{"mean", {50.0, 100.0}}, {"scale", {10.0, 10.0}}};
  const Json config{
      {"family", "forecast"},
      {"model", run["model"]},
      {"shape", to_json(shape)},
      {"data", to_json(options)},
      {"variates", kSampleVariates},
      {"freq", "h"},
      {"scalers", {{"series", scaler}}},
      {"seen_rows", {{"series", {"2019-01-01 00:00:00", "2019-02-01 00:00:00", "2019-03-01 00:00:00"}}}}};
  write_folder(folder, config, *forecast::build(Config(run["model"], name), shape));
  forecast::ConformalScores::fit(at::randn({40, shape.pred_len, shape.c_out}))
      .save(folder / "conformal.safetensors");
}

void write_zero_shot_model(const fs::path& folder) {
  auto config = tiny_run("time_moe").at("model");
  config["model_type"] = config["name"];
  config.erase("name");
  config["max_position_embeddings"] = 64;
  const auto official = forecast::read_official_config(Config(config, "time_moe"), 0);
  write_folder(folder, config, *forecast::build(official.model, official.shape));
}

plan::ForecastTask forecast_task(const fs::path& model) {
  plan::ForecastTask task;
  task.compute.device = "cpu";
  task.compute.threads = 1;
  task.model = model;
  return task;
}

std::function<void()> open_stream(const plan::ForecastTask& task) {
  runtime::set_threads(task.compute.threads);
  const auto model = std::make_shared<const forecast::ForecastModel>(
      forecast::ForecastModel::open(task.model, std::nullopt, runtime::Compute()));
  return [task, model] { forecast::stream_forecasts(task, *model, model->shape().pred_len, kNeverStop); };
}

}  // namespace arzoo::fuzz
