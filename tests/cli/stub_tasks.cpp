// A libarzoo without torch whose tasks answer at once: what the launcher does before and after a task can be
// tested in milliseconds. The model or file name says how a task ends.

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "plan/transcribe_task.h"

namespace {

using namespace arzoo;
using plan::Outcome;
using Stop = plan::TaskTable::Stop;

Outcome train(const plan::TrainTask& task, Progress& progress, Stop stop) {
  if (task.dry_run)
    return {ExitCode::ok, "", {{"plan", {{"parameters", 1000}, {"state_bytes", 16000}, {"steps", 40}}}}};
  progress.begin("train", 2);
  progress.step({{"loss", 0.5}});
  progress.note("a note");
  progress.detail("a detail");
  progress.warn("a warning");
  if (task.out == "waits") {
    std::fputs("waiting\n", stderr);
    for (int i = 0; i < 500 && !stop; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return {ExitCode::interrupted, "interrupted, go on with --resume", {}};
  }
  if (task.out == "ignores_signals") {
    std::fputs("waiting\n", stderr);
    std::this_thread::sleep_for(std::chrono::seconds(5));
  }
  progress.end();
  return {ExitCode::ok,
          "",
          {{"run_dir", task.out.string()},
           {"steps", 20},
           {"epochs", 2},
           {"seconds", 63.0},
           {"best", {{"epoch", 2}, {"val", {{"mse", 0.25}, {"mae", 0.375}}}}},
           {"test", {{"mse", 0.5}}},
           {"seed", task.config.at("seed")}}};
}

Outcome tune(const plan::TuneTask& task, Progress&, Stop) {
  if (task.dry_run) return {ExitCode::ok, "", {{"plan", {{"parameters", 1000}, {"shares", {0.5, 1.0}}}}}};
  const auto trial = [](int number, double share, double score) {
    return Json{{"trial", number},        {"values", {{"model.d_model", 16 * number}}},
                {"share", share},         {"steps", 24},
                {"score", score},         {"val", {{"mse", score}}},
                {"test", {{"mse", 0.5}}}, {"seconds", 1.5},
                {"run_dir", "t"}};
  };
  return {ExitCode::ok,
          "",
          {{"run_dir", task.out.string()},
           {"metric", "mse"},
           {"stopped", "trials"},
           {"trials", {trial(1, 0.5, 0.75), trial(2, 1.0, 0.25)}},
           {"best", trial(2, 1.0, 0.25)},
           {"refused", 0},
           {"seconds", 3.0}}};
}

Outcome forecast(const plan::ForecastTask& task, Progress&, Stop) {
  if (task.stream) {
    std::fputs("{\"yhat\":[1]}\n", stdout);
    std::fflush(stdout);
    return {ExitCode::ok, "", {{"windows", 1}}};
  }
  Json result{{"output", task.output.string()},
              {"series", 3},
              {"rows", 288},
              {"horizon", task.horizon.value_or(96)},
              {"seconds", 0.4}};
  result["plots"] = Json::array();
  const int plots = !task.plot ? 0 : *task.plot == "many" ? 3000 : 1;
  for (int i = 0; i < plots; ++i)
    result["plots"].push_back((*task.plot / (i == 0 ? "a.svg" : std::to_string(i) + ".svg")).string());
  for (int64_t i = 0; i < task.backtest; ++i)
    result["backtest"]["series"]["s" + std::to_string(i)] = {{"mse", 0.5}};
  result["levels"] = task.levels;
  return {ExitCode::ok, "", result};
}

Outcome generate_image(const plan::GenerateImageTask& task, Progress&, Stop) {
  if (task.dry_run) return {ExitCode::ok, "", {{"plan", {{"pictures", task.count}}}}};
  Json result{{"output", task.output.string()},
              {"pictures", task.count},
              {"seconds", 12.0},
              {"seconds_per_picture", 1.5}};
  result["files"] = Json::array({(task.output / "000000_none.png").string()});
  result["classes"] = task.classes;
  result["top_k"] = task.sampling.value("top_k", Json());
  result["depth_schedule"] = task.sampling.value("depth_schedule", Json());
  for (const auto& box : task.paint) result["paint"].push_back({box.x, box.y, box.width, box.height});
  return {ExitCode::ok, "", result};
}

Outcome generate_3d(const plan::Generate3dTask& task, Progress&, Stop) {
  if (task.dry_run) return {ExitCode::ok, "", {{"plan", {{"shapes", task.count}}}}};
  Json result{{"output", task.output.string()}, {"shapes", task.count}, {"empty", 0}, {"seconds", 12.0}};
  result["seconds_per_shape"] = 1.5;
  result["files"] = Json::array({task.output.string()});
  result["resolution"] = task.resolution;
  return {ExitCode::ok, "", result};
}

Outcome generate_text(const plan::GenerateTextTask& task, Progress&, Stop) {
  if (task.dry_run) return {ExitCode::ok, "", {{"plan", {{"texts", task.count}}}}};
  Json result{{"tokens", 3}, {"seconds", 0.5}, {"tokens_per_second", 6.0}};
  result["texts"] = Json::array();
  for (const auto& prompt : task.prompts)
    result["texts"].push_back(
        {{"prompt", prompt}, {"text", " and on"}, {"ids", {1, 2, 3}}, {"stop", "length"}});
  return {ExitCode::ok, "", result};
}

Outcome score(const plan::ScoreTask& task, Progress&, Stop) {
  if (task.dry_run) return {ExitCode::ok, "", {{"plan", {{"files", task.inputs.size()}}}}};
  Json result;
  result["files"] = Json::array();
  for (const auto& input : task.inputs) {
    result["files"].push_back({{"path", input.string()},
                               {"tokens", 10},
                               {"bytes", 10},
                               {"nats", 1.5},
                               {"perplexity", 4.5},
                               {"bits_per_byte", 2.25}});
  }
  return {ExitCode::ok, "", result};
}

Outcome links(const plan::LinksTask& task, Progress&, Stop) {
  if (task.dry_run) return {ExitCode::ok, "", {{"plan", {{"events", 100}}}}};
  Json result{{"events", 100}, {"at", 5.0}, {"links", Json::array()}};
  for (const auto& query : task.queries)
    result["links"].push_back(
        {{"source", query}, {"target", "v"}, {"probability", 0.5}, {"met", 2}, {"last", nullptr}});
  return {ExitCode::ok, "", result};
}

Outcome encode(const plan::EncodeTask& task, Progress&, Stop) {
  return {ExitCode::ok, "", {{"output", task.output.string()}, {"tokens", 7}}};
}

Outcome decode(const plan::DecodeTask& task, Progress&, Stop) {
  return {ExitCode::ok, "", {{"output", task.output.string()}, {"triangles", 12}}};
}

Outcome embed_text(const plan::EmbedTextTask& task, Progress&, Stop) {
  if (task.dry_run) return {ExitCode::ok, "", {{"plan", {{"texts", 2}}}}};
  return {ExitCode::ok,
          "",
          {{"output", task.output.string()},
           {"texts", 2},
           {"width", 24},
           {"tokens", 30},
           {"cut", 0},
           {"seconds", 0.5},
           {"tokens_per_second", 60.0}}};
}

Outcome transcribe(const plan::TranscribeTask& task, Progress&, Stop) {
  if (task.dry_run) return {ExitCode::ok, "", {{"plan", {{"recordings", task.inputs.size()}}}}};
  Json result{{"recordings", task.inputs.size()}, {"seconds", 3.5}, {"rtf", 0.02}, {"tokens", 2}};
  result["lines"] = Json::array();
  for (const auto& input : task.inputs)
    result["lines"].push_back({{"file", input.string()}, {"text", "two nine"}});
  return {ExitCode::ok, "", result};
}

Outcome inspect(const plan::InspectTask& task, Progress&, Stop) {
  if (task.path.filename() == "broken.safetensors")
    return {ExitCode::data, "broken.safetensors: header is cut", {}};
  Json result{
      {"path", task.path.string()}, {"format", "safetensors"}, {"parameters", 1234567}, {"bytes", 4938268}};
  result["metadata"] = {{"format", "pt"}};
  result["tensors"] =
      Json::array({{{"name", "projector.weight"}, {"dtype", "F32"}, {"shape", {96, 512}}, {"bytes", 196608}},
                   {{"name", "\x1b[2Jname"}, {"dtype", "F32"}, {"shape", Json::array()}, {"bytes", 4}}});
  return {ExitCode::ok, "", result};
}

Outcome convert(const plan::ConvertTask& task, Progress&, Stop) {
  Json result{{"output", task.output.string()}, {"tensors", 2}, {"bytes", 2500000}};
  if (!task.factorize.empty()) result["threads"] = task.threads;
  return {ExitCode::ok, "", std::move(result)};
}

Outcome models(const plan::ModelsTask& task, Progress&, Stop) {
  Json counts = Json::object();
  for (const auto& name : task.names)
    counts[name] = {{"parameters", 6400000}, {"activated_parameters", 3200000}};
  return {ExitCode::ok, "", counts};
}

Outcome parity(const plan::ParityTask& task, Progress&, Stop) {
  Json result{{"cases", Json::array()}, {"passed", 0}, {"failed", 0}};
  for (const auto& folder : task.folders) {
    const bool passed = folder.filename() != "wrong";
    Json output{{"name", "out.forecast"},
                {"max_abs", 1.5e-6},
                {"max_rel", passed ? Json(3e-6) : Json(nullptr)},
                {"passed", passed}};
    if (!passed) output["worst"] = "[0, 3, 1]";
    result["cases"].push_back({{"case", folder.filename().string()},
                               {"kind", "forward"},
                               {"passed", passed},
                               {"outputs", Json::array({output})}});
    Json& count = result[passed ? "passed" : "failed"];
    count = count.get<int>() + 1;
  }
  const bool failed = result["failed"] > 0;
  return {failed ? ExitCode::check_failed : ExitCode::ok, failed ? "parity: 1 of 2 cases failed" : "",
          result};
}

Outcome table(const plan::TableTask& task, Progress&, Stop) {
  return {
      ExitCode::ok,
      "",
      {{"markdown", "| model | mse |\n| ----- | --: |\n"}, {"out", task.out.string()}, {"only", task.only}}};
}

Outcome speed(const plan::SpeedTask& task, Progress&, Stop) {
  return {
      ExitCode::ok, "", {{"windows_per_second", 1234.5}, {"peak_bytes", 2048}, {"out", task.out.string()}}};
}

Outcome regress(const plan::RegressTask& task, Progress&, Stop) {
  const bool failed = task.only == std::vector<std::string>{"slow"};
  return {
      failed ? ExitCode::check_failed : ExitCode::ok,
      failed ? "regress: 1 of 2 checks failed" : "",
      {{"markdown", "| cell | result |\n"}, {"baseline", task.baseline.string()}, {"update", task.update}}};
}

Outcome report(const plan::ReportTask& task, Progress&, Stop) {
  return {ExitCode::ok, "", {{"output", task.output.string()}, {"runs", 1}, {"tables", task.folders.size()}}};
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const plan::TaskTable* arzoo_task_table() {
  static const plan::TaskTable functions{&train,         &tune,    &forecast,   &generate_image, &generate_3d,
                                         &generate_text, &score,   &embed_text, &links,          &encode,
                                         &decode,        &inspect, &convert,    &models,         &parity,
                                         &table,         &speed,   &regress,    &report,         &transcribe};
  return &functions;
}
