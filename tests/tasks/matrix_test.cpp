// Every model of every family, from its tiny config to what its commands make of the saved model.

#include <fstream>
#include <numeric>
#include <sstream>

#include "io/csv.h"
#include "io/mesh_file.h"
#include "io/png_file.h"
#include "plan/transcribe_task.h"
#include "registry/catalog.h"
#include "registry/registry.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// Sums in another order differ in the last digits; two steps of training do not blow that up.
constexpr double kThreadTolerance = 1e-4;

struct MatrixEntry {
  std::string family, model;
  std::vector<std::string> commands;
};

std::vector<MatrixEntry> matrix_models() {
  std::vector<MatrixEntry> all;
  for (const auto& family : registry::family_cards()) {
    for (const auto& model : family.models) {
      // Its solids need a plug-in, and one that is not trained has none (shape3d/solids_test).
      if (model.name == "autobrep") continue;
      all.push_back(
          {std::string(family.name), std::string(model.name), registry::commands_of({family, model})});
    }
  }
  return all;
}

/// Two steps of training and an evaluation of a few windows; the test split is sharded_matrix_test's.
std::vector<std::string> changes_of(const std::string& family) {
  std::vector<std::string> changes{"training.max_steps=2"};
  if (family == "forecast")
    changes.insert(changes.end(), {"evaluation.max_windows=48", "evaluation.test=false"});
  if (family == "image") changes.emplace_back("data.test_path=");
  return changes;
}

/// The saved model, read by a process with so many threads: its errors.
runtime::Metrics errors_of(const Json& run, const fs::path& model, int64_t threads) {
  runtime::set_threads(threads);
  const Config config(run, "matrix");
  const auto experiment = registry::entry_of(config.at("model")).experiment(config, {});
  experiment->load(model);
  return experiment->evaluate(runtime::Split::val);
}

plan::ComputeOptions on_cpu(int64_t threads) {
  plan::ComputeOptions compute;
  compute.device = "cpu";
  compute.threads = threads;
  compute.seed = 3;
  return compute;
}

/// What a command makes of a run, as numbers; a folder of its own for each call.
using Product = std::vector<double>;

Product forecast_of(const fs::path& run, const Json& config, int64_t threads, const fs::path& out) {
  auto task = test::forecast_task(run, {config["data"]["path"].get<std::string>()}, out);
  task.compute.threads = threads;
  test::forecast(task);
  const auto table = io::CsvTable::read(out);
  Product numbers;
  for (std::size_t row = 0; row < table.rows(); ++row)
    numbers.push_back(std::stod(std::string(table.cell(row, table.find("yhat").value()))));
  return numbers;
}

/// The mean of each picture's pixels: single ones may round to the next level.
Product pictures_of(const fs::path& run, int64_t threads, const fs::path& out) {
  plan::GenerateImageTask task;
  task.compute = on_cpu(threads);
  task.source.model = run;
  task.classes = {"2", "7"};
  task.output = out;
  SilentProgress progress;
  const auto result = tasks::generate_image(task, progress, test::kNeverStop);
  Product numbers;
  for (const auto& file : result["files"]) {
    const auto picture = io::read_png(file.get<std::string>());
    numbers.push_back(std::accumulate(picture.pixels.begin(), picture.pixels.end(), 0.0) /
                      static_cast<double>(picture.pixels.size()));
  }
  return numbers;
}

Product shapes_of(const fs::path& run, int64_t threads, const fs::path& out) {
  plan::Generate3dTask task;
  task.compute = on_cpu(threads);
  task.model = run;
  task.classes = {"0", "1"};
  task.resolution = 24;
  task.output = out;
  SilentProgress progress;
  const auto result = tasks::generate_3d(task, progress, test::kNeverStop);
  Product numbers{result["empty"].get<double>()};
  for (const auto& mesh : result["meshes"]) numbers.push_back(mesh["volume"].get<double>());
  return numbers;
}

/// A picture that the model generates, for the commands that read one.
fs::path picture_beside(const fs::path& run, const fs::path& out) {
  const fs::path folder(out.string() + "_pictures");
  pictures_of(run, 1, folder);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("000")) return entry.path();
  }
  FAIL("no picture in " << folder);
  return {};
}

/// A text of a few lines, for the commands of language models.
fs::path text_beside(const fs::path& out) {
  const auto path = fs::path(out.string() + "_text.txt");
  std::ofstream(path) << "In the beginning\nwas the word\nand the word was short\n";
  return path;
}

/// The bytes of texts by the most likely tokens.
Product texts_of(const MatrixEntry& entry, const fs::path& run, int64_t threads, const fs::path& out) {
  plan::GenerateTextTask task;
  task.compute = on_cpu(threads);
  task.model = run;
  if (entry.family == "image") {
    task.image = picture_beside(run, out);
  } else {
    task.prompts = {"In the", "And"};
  }
  task.max_tokens = 4;
  task.temperature = 0.0;
  SilentProgress progress;
  const auto result = tasks::run_family_command(task, progress, test::kNeverStop);
  Product numbers;
  for (const auto& text : result["texts"])
    for (const auto& id : text["ids"]) numbers.push_back(id.get<double>());
  return numbers;
}

Product scores_of(const MatrixEntry& entry, const fs::path& run, int64_t threads, const fs::path& out) {
  plan::ScoreTask task;
  task.compute = on_cpu(threads);
  task.model = run;
  task.inputs = {entry.family == "image" ? picture_beside(run, out) : text_beside(out)};
  SilentProgress progress;
  const auto result = tasks::run_family_command(task, progress, test::kNeverStop);
  const auto& file = result["files"][0];
  return {file[entry.family == "image" ? "bits_per_dim" : "nats"].get<double>()};
}

Product vectors_of(const fs::path& run, int64_t threads, const fs::path& out) {
  plan::EmbedTextTask task;
  task.compute = on_cpu(threads);
  task.model = run;
  task.input = text_beside(out);
  task.output = fs::path(out.string() + ".jsonl");
  SilentProgress progress;
  tasks::run_family_command(task, progress, test::kNeverStop);
  Product numbers;
  std::istringstream lines(test::read_file(task.output));
  for (std::string line; std::getline(lines, line);) {
    const auto vector = nlohmann::json::parse(line)["vector"].get<std::vector<double>>();
    numbers.insert(numbers.end(), vector.begin(), vector.end());
  }
  return numbers;
}

/// The probabilities of the likeliest targets of a node.
Product links_of(const fs::path& run, const Json& config, int64_t threads) {
  plan::LinksTask task;
  task.compute = on_cpu(threads);
  task.model = run;
  task.input = config["data"]["path"].get<std::string>();
  task.source = "author 0";
  task.top = 3;
  SilentProgress progress;
  const auto result = tasks::run_family_command(task, progress, test::kNeverStop);
  Product numbers;
  for (const auto& link : result["links"]) numbers.push_back(link["probability"].get<double>());
  return numbers;
}

/// How many tokens are heard in each recording.
Product transcripts_of(const fs::path& run, int64_t threads) {
  plan::TranscribeTask task;
  task.compute = on_cpu(threads);
  task.model = run;
  task.inputs = {test::source_dir() / "data/speech/words"};
  SilentProgress progress;
  const auto result = tasks::run_family_command(task, progress, test::kNeverStop);
  return {result["recordings"].get<double>(), result["tokens"].get<double>()};
}

Product product_of(const MatrixEntry& entry, const std::string& command, const fs::path& run,
                   const Json& config, int64_t threads, const fs::path& out) {
  if (command == "forecast") return forecast_of(run, config, threads, out);
  if (command == "generate-image") return pictures_of(run, threads, out);
  if (command == "generate-text") return texts_of(entry, run, threads, out);
  if (command == "score") return scores_of(entry, run, threads, out);
  if (command == "transcribe") return transcripts_of(run, threads);
  if (command == "embed-text") return vectors_of(run, threads, out);
  if (command == "links") return links_of(run, config, threads);
  REQUIRE(command == "generate-3d");
  return shapes_of(run, threads, out);
}

void check_near(const Product& one, const Product& other) {
  REQUIRE_FALSE(one.empty());
  REQUIRE(one.size() == other.size());
  for (std::size_t i = 0; i < one.size(); ++i)
    CHECK(one[i] == Approx(other[i]).epsilon(kThreadTolerance).margin(kThreadTolerance));
}

}  // namespace

TEST_CASE("a model of any family trains, is saved, and gives the same with any number of threads") {
  const auto entry = GENERATE(from_range(matrix_models()));
  INFO(entry.model);
  const TempDir temp;
  const auto run = temp / "run";
  auto task = test::committed_task(entry.family + "/" + entry.model + "_tiny", run, changes_of(entry.family));
  task.compute.threads = 1;
  const auto trained = test::train(task);
  CHECK(trained["steps"] == 2);

  const auto alone = errors_of(task.config, run / "model", 1),
             shared = errors_of(task.config, run / "model", 2);
  REQUIRE(alone.size() == shared.size());
  for (std::size_t i = 0; i < alone.size(); ++i) {
    INFO(alone[i].first);
    CHECK(alone[i].second == trained["best"]["val"][alone[i].first].get<double>());
    CHECK(alone[i].second == Approx(shared[i].second).epsilon(kThreadTolerance));
  }
  for (const auto& command : entry.commands) {
    if (command == "train" || command == "distill" || command == "bench") continue;
    INFO(command);
    const auto out = [&](int64_t threads) {
      return temp / fmt::format("{}_{}{}", command, threads, command == "forecast" ? ".csv" : "");
    };
    check_near(product_of(entry, command, run, task.config, 1, out(1)),
               product_of(entry, command, run, task.config, 2, out(2)));
  }
  runtime::set_threads(1);
}
