// arzoo forecast with a model folder. The input is config.json, which ends at a zero byte, and the weights;
// only one of them where it does not begin with a brace or where nothing follows. What is missing is taken
// from the small model of the name that the config has.

#include <map>

#include "forecast/commands/forecast_command.h"
#include "fuzz/commands/small_model.h"
#include "result_summary.h"

namespace {

using namespace arzoo;
using fuzz::fs::path;

class ModelTarget : public fuzz::CommandTarget {
 public:
  ModelTarget() {
    write("series.csv", fuzz::sample_csv());
    for (const auto& name : fuzz::small_models()) fuzz::write_small_model(folder() / name, name);
    for (const auto& name : fuzz::small_models())
      measure([&](Progress& progress) { forecast(folder() / name, progress); });
    measure([&](Progress& progress) { forecast(folder() / kOrdinary, progress); });
  }

  void operator()(std::string_view input) const {
    const auto model = folder() / "model";
    fuzz::fs::remove_all(model);
    auto weights = input;
    const auto config = input.starts_with('{') ? fuzz::take_part(weights, '\0') : std::string_view();
    const auto valid = folder() / named_in(config);
    if (!config.empty()) write("model/config.json", config);
    if (!weights.empty())
      write(weights.starts_with("PK") ? "model/pytorch_model.bin" : "model/model.safetensors", weights);
    const auto taken_over = [&](const char* file, bool is_missing) {
      if (is_missing) fuzz::fs::copy(valid / file, model / file);
    };
    fuzz::fs::create_directories(model);
    taken_over("config.json", config.empty());
    taken_over("model.safetensors", weights.empty());
    taken_over("conformal.safetensors", true);
    run(bytes_in(model), [&](Progress& progress) { forecast(model, progress); });
  }

 private:
  static constexpr const char* kOrdinary = "itransformer";

  /// The longest name of a small model that the config holds: "informer_tslib" holds two.
  static std::string named_in(std::string_view config) {
    std::string found = kOrdinary;
    std::size_t longest = 0;
    for (const auto& name : fuzz::small_models()) {
      if (name.size() <= longest || config.find('"' + name + '"') == config.npos) continue;
      found = name;
      longest = name.size();
    }
    return found;
  }

  static std::size_t bytes_in(const path& model) {
    std::size_t sum = 0;
    for (const auto& entry : fuzz::fs::directory_iterator(model)) sum += entry.file_size();
    return sum;
  }

  void forecast(const path& model, Progress& progress) const {
    auto task = fuzz::forecast_task(model);
    task.inputs = {folder() / "series.csv"};
    task.output = folder() / "out.csv";
    task.levels = {80};
    const auto result = forecast::run_forecast(task, {progress, fuzz::kNeverStop, nullptr});
    cli::forecast_summary(result);
    dump_json(result, 2);
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ModelTarget forecast;
  forecast({reinterpret_cast<const char*>(data), size});
  return 0;
}
