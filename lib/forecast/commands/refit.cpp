#include "forecast/commands/refit.h"

#include <algorithm>

#include "core/atomic_file.h"
#include "core/config.h"
#include "core/inner_progress.h"
#include "core/run_dir.h"
#include "core/scratch_folder.h"
#include "forecast/data_options.h"
#include "io/csv.h"
#include "io/frequency.h"
#include "plan/run_config.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

/// The name of a policy as a config writes it.
std::string policy_name(io::MissingPolicy policy) {
  return policy == io::MissingPolicy::ffill         ? "ffill"
         : policy == io::MissingPolicy::interpolate ? "interpolate"
                                                    : "error";
}

/// Shares of rows that all lie before the origin: nothing is left for a test.
Json split_before(const Json& split) {
  constexpr double kEttTraining = 12.0, kEttValidation = 4.0;  // months
  double train = kEttTraining, validation = kEttValidation;
  if (split.at("kind") == "ratio") {
    train = split.at("train").get<double>();
    validation = std::max(0.0, 1.0 - train - split.at("test").get<double>());
  }
  return {{"kind", "ratio"},
          {"train", train / (train + validation)},
          {"test", 0.0},
          {"calibration", split.at("calibration")}};
}

void set_file(Json& data, const fs::path& file, const std::vector<io::SeriesTable>& tables, bool is_long,
              bool has_roles) {
  data["path"] = file.string();
  data["format"] = is_long ? "long" : "wide";
  data["date"] = "ds";
  data["id"] = is_long ? "unique_id" : "";
  data["columns"] = has_roles ? std::vector<std::string>() : tables.front().variates;
  data["freq"] = io::to_string(tables.front().frequency);
  data["resample"] = "";
  data["missing"] = policy_name(tables.front().policy);
}

/// The config of the training on `file`.
Json config_before(Json config, const fs::path& file, const std::vector<io::SeriesTable>& tables,
                   bool is_long) {
  auto& data = config.at("data");
  const bool has_roles = Config(data, "data").as<DataOptions>().has_roles();
  if (data.at("sources").empty()) {
    set_file(data, file, tables, is_long, has_roles);
    data["split"] = split_before(data.at("split"));
    return config;
  }
  auto source = data.at("sources").front();
  set_file(source, file, tables, is_long, /*has_roles=*/false);
  source["split"] = split_before(source.at("split"));
  data["sources"] = Json::array({source});
  return config;
}

void require_repeatable(const Json& config, const std::vector<io::SeriesTable>& tables) {
  const auto& data = config.at("data");
  if (!data.at("sequences").at("path").get<std::string>().empty())
    fail<UsageError>(
        "--refit: the model was trained on sequences without a calendar, which no table can replace");
  if (tables.front().categories && !tables.front().categories->empty())
    fail<UsageError>(
        "--refit: the column {} holds texts, whose codes belong to the model that was trained before",
        tables.front().categories->front().name);
}

}  // namespace

std::optional<Json> training_config(const fs::path& place) {
  std::error_code none;
  for (const auto& folder : {place, fs::absolute(place, none).parent_path()}) {
    if (!fs::is_regular_file(folder / "config.json", none)) continue;
    const auto config = Config::load(folder / "config.json");
    if (!config.has("training") || !config.has("data") || !config.has("model")) continue;
    if (fs::weakly_canonical(model_place(folder), none) != fs::weakly_canonical(model_place(place), none))
      continue;
    return plan::resolve_run_config(config, folder);
  }
  return std::nullopt;
}

void write_training_rows(const std::vector<io::SeriesTable>& tables, const fs::path& file, bool as_long) {
  const bool with_ids = as_long || tables.size() > 1;
  io::CsvText csv;
  if (with_ids) csv.cell("unique_id");
  csv.cell("ds");
  for (const auto& name : tables.front().variates) csv.cell(name);
  csv.end_row();
  for (const auto& table : tables) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (with_ids) csv.cell(table.unique_id);
      csv.cell(table.date_format.format(table.stamps[row]));
      for (std::size_t c = 0; c < table.variates.size(); ++c)
        table.measured(row, c) ? csv.cell(table.at(row, c)) : csv.cell("");
      csv.end_row();
    }
  }
  write_atomically(file, csv.text());
}

ForecastModel refitted(const Json& config, const std::vector<io::SeriesTable>& tables,
                       const plan::ForecastTask& task, const runtime::CommandContext& context) {
  require_repeatable(config, tables);
  const ScratchFolder scratch;
  const auto file = scratch.path() / "known.csv", out = scratch.path() / "run";
  const bool is_long = tables.size() > 1 || !config.at("data").at("sources").empty();
  write_training_rows(tables, file, is_long);
  plan::TrainTask training;
  training.compute = task.compute;
  training.name = "--refit";
  training.out = out;
  training.config = plan::resolve_run_config(Config(config_before(config, file, tables, is_long), "--refit"),
                                             scratch.path());
  InnerProgress progress(context.progress);
  context.train(training, progress, context.stop);
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  return ForecastModel::open(out, std::nullopt, compute);
}

}  // namespace arzoo::forecast
