#include <torch/torch.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/markdown_table.h"
#include "core/processor_name.h"
#include "kernels/flop_counter.h"
#include "plan/run_config.h"
#include "runtime/gemm_peak.h"
#include "runtime/peak_memory.h"
#include "tasks/reference_process.h"
#include "tasks/register_peak.h"
#include "tasks/run_inputs.h"
#include "tasks/speed_profile.h"
#include "tasks/speed_results.h"
#include "tasks/speed_rivals.h"
#include "tasks/speed_rounds.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

constexpr double kReferencePatience = 120.0;  // seconds to start and build a model
constexpr double kQuietSpread = 1.5;          // slowest round beside the fastest
constexpr double kSlowestReference = 100.0;   // times as long as ours before it counts as stuck

Json json_of(const std::optional<int64_t>& value) { return value ? Json(*value) : Json(nullptr); }

double counted_flops(runtime::SpeedWork& work) {
  const kernels::FlopCounter counter;
  work.run();
  return counter.flops();
}

Json goal(const char* metric, double limit, const Json& measured) {
  Json row{{"metric", metric}, {"limit", limit}, {"measured", measured}, {"met", nullptr}};
  if (measured.is_number()) row["met"] = measured.get<double>() <= limit;
  return row;
}

Json goals(const SpeedTarget& target, const Json& cell) {
  Json rows = Json::array();
  if (target.ratio)
    rows.push_back(
        goal("ratio", *target.ratio, cell["ratio"].is_null() ? Json(nullptr) : cell["ratio"]["median"]));
  if (target.memory_ratio) rows.push_back(goal("memory_ratio", *target.memory_ratio, cell["memory_ratio"]));
  if (target.p50_ms) rows.push_back(goal("p50_ms", *target.p50_ms, cell["p50_ms"]));
  if (target.loader_share) rows.push_back(goal("loader_share", *target.loader_share, cell["loader_share"]));
  return rows;
}

/// True, false, or null when a goal could not be measured or there is none.
Json all_met(const Json& goals) {
  Json met = nullptr;
  for (const auto& row : goals) {
    if (row["met"].is_null()) return nullptr;
    met = (met.is_null() || met.get<bool>()) && row["met"].get<bool>();
  }
  return met;
}

/// Runs the cells of one suite; keeps what they share: the reference program and the machine's peaks.
class SpeedBench {
 public:
  SpeedBench(const SpeedSuite& suite, const plan::SpeedTask& task, Progress& progress, Stop stop)
      : suite_(suite),
        task_(task),
        progress_(progress),
        stop_(stop),
        rivals_(suite, task.folder, progress, stop) {}

  Json measure(const ResolvedSpeedCell& cell);
  const Json& peaks() const { return peaks_; }
  /// GFLOP/s of the processor's own instructions by type; null where it has none or is none.
  Json register_peaks() const;

 private:
  void measure_peak(const std::string& dtype, const runtime::Compute& compute);
  std::optional<std::vector<double>> reference_times(Json request, const std::string& cell, double patience);
  Json row_of(const ResolvedSpeedCell& cell, const SpeedTimes& times) const;
  SpeedLimits limits(const std::string& dtype);
  void note_disturbance(const std::string& cell, const std::vector<double>& rounds);

  const SpeedSuite& suite_;
  const plan::SpeedTask& task_;
  Progress& progress_;
  Stop stop_;
  SpeedRivals rivals_;
  RegisterPeaks register_peaks_;
  double memory_rate_ = 0.0;  ///< bytes a second
  std::unique_ptr<ReferenceProcess> reference_;
  bool reference_lost_ = false;
  std::optional<int64_t> reference_memory_;  ///< peak of the reference's last answer, in bytes
  Json peaks_ = Json::object();
};

/// Measured again before each cell: the best of the run is the peak, so that one disturbed moment does not
/// lower it.
void SpeedBench::measure_peak(const std::string& dtype, const runtime::Compute& compute) {
  peaks_[dtype] = std::max(peaks_.value(dtype, 0.0), runtime::gemm_peak(compute, suite_.gemm_size));
  if (!compute.device.is_cpu()) return;
  const auto now = tasks::register_peaks();
  for (const auto type : {&RegisterPeaks::fp32, &RegisterPeaks::bf16, &RegisterPeaks::int8})
    register_peaks_.*type = std::max(register_peaks_.*type, now.*type);
}

SpeedLimits SpeedBench::limits(const std::string& dtype) {
  memory_rate_ = std::max(memory_rate_, memory_rate());
  return {peaks_[dtype].get<double>() * 1e9, memory_rate_};
}

Json SpeedBench::register_peaks() const {
  const auto rate = [](double peak) { return peak > 0.0 ? Json(peak) : Json(nullptr); };
  return {{"fp32", rate(register_peaks_.fp32)},
          {"bf16", rate(register_peaks_.bf16)},
          {"int8", rate(register_peaks_.int8)}};
}

/// A program that cannot be started or is lost is told of once, and the cells go on without it; a request
/// that it refuses costs this cell alone.
std::optional<std::vector<double>> SpeedBench::reference_times(Json request, const std::string& cell,
                                                               double patience) {
  if (reference_lost_) return std::nullopt;
  try {
    if (!reference_) {
      reference_ =
          std::make_unique<ReferenceProcess>(reference_command(suite_.reference, task_.folder),
                                             [this](std::string_view line) { progress_.detail(line); });
    }
    const auto answer =
        Config(reference_->ask(request, std::chrono::duration<double>(patience), stop_), "reference");
    if (answer.has("error")) {
      progress_.warn(fmt::format("{}: no ratio, the reference says: {}", cell, answer.text("error")));
      return std::nullopt;
    }
    std::vector<double> seconds;
    answer.at("seconds").read(seconds, more_than(0));
    if (seconds.empty()) answer.reject("no seconds in the answer");
    reference_memory_.reset();
    if (answer.has("peak_memory_bytes")) answer.at("peak_memory_bytes").read(reference_memory_, at_least(1));
    return seconds;
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    progress_.warn(fmt::format(
        "{} (cells are measured without ratios; plain PyTorch needs a python with torch)", error.what()));
    reference_.reset();
    reference_lost_ = true;
    return std::nullopt;
  }
}

void SpeedBench::note_disturbance(const std::string& cell, const std::vector<double>& rounds) {
  const auto [least, most] = std::minmax_element(rounds.begin(), rounds.end());
  if (*most < kQuietSpread * *least) return;
  progress_.note(fmt::format(
      "{}: the slowest round took {:.1f} times the fastest (is something else using this machine?)", cell,
      *most / *least));
}

Json SpeedBench::row_of(const ResolvedSpeedCell& cell, const SpeedTimes& times) const {
  const double p50 = quantile(times.ours, 0.5);
  Json row{{"name", cell.name},
           {"work", cell.options.work},
           {"dtype", cell.options.dtype},
           {"quantize", cell.options.quantize.empty() ? Json(nullptr) : Json(cell.options.quantize)},
           {"batch_size", cell.batch_size}};
  row["rounds"] = suite_.rounds;
  row["repeat"] = times.repeat;
  row["p50_ms"] = p50 * 1e3;
  row["p95_ms"] = quantile(times.ours, 0.95) * 1e3;
  row["samples_per_second"] = static_cast<double>(cell.batch_size) / p50;
  row["reference"] = nullptr;
  row["ratio"] = nullptr;
  if (const auto ratios = times.ratios(); !ratios.empty()) {
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    row["reference"] = {{"dtype", *cell.options.reference_dtype},
                        {"p50_ms", quantile(times.round_theirs, 0.5) * 1e3},
                        {"peak_memory_bytes", json_of(reference_memory_)}};
    row["ratio"] = {{"median", quantile(ratios, 0.5)}, {"min", *least}, {"max", *most}, {"rounds", ratios}};
  }
  row["loader_share"] = cell.options.work == "train_step" ? Json(times.loader_share) : Json(nullptr);
  return row;
}

/// The process's peak of resident memory and, beside it, the reference's.
void add_memory(Json& row, const std::optional<int64_t>& peak) {
  row["peak_memory_bytes"] = json_of(peak);
  row["memory_ratio"] = nullptr;
  const auto& reference = row["reference"];
  if (!peak || reference.is_null() || reference["peak_memory_bytes"].is_null()) return;
  row["memory_ratio"] = static_cast<double>(*peak) / reference["peak_memory_bytes"].get<double>();
}

/// What one more repetition of the work, warm by now, adds to the process. What only the first one needs
/// (kernels that are compiled, stacks of threads, weights that are packed) does not count: it would fall to
/// whichever cell comes first.
std::optional<int64_t> working_memory(runtime::SpeedWork& work, c10::Device device) {
  const runtime::PeakMemory memory(device);
  work.run();
  return memory.growth();
}

Json SpeedBench::measure(const ResolvedSpeedCell& cell) {
  const auto& options = cell.options;
  const auto compute = runtime::select_compute(task_.compute.device, options.dtype, options.quantize);
  measure_peak(options.dtype, compute);
  const auto work = make_speed_work(cell, compute);
  const runtime::PeakMemory memory(compute.device);
  Json request = work->reference_request();
  const bool compared = options.reference_dtype && !request.is_null();
  if (compared) {
    request["batch_size"] = cell.batch_size;
    request["work"] = options.work;
    request["dtype"] = *options.reference_dtype;
    request["device"] = compute.device.str();
    request["threads"] = runtime::threads();
    // For programs that have such weights themselves.
    if (!options.quantize.empty()) request["quantize"] = options.quantize;
  }
  const auto reference = [&](int64_t repeat, double expected_seconds) -> std::optional<std::vector<double>> {
    if (!compared) return std::nullopt;
    request["repeat"] = repeat;
    return reference_times(request, cell.name, kReferencePatience + kSlowestReference * expected_seconds);
  };
  progress_.begin(cell.name, suite_.rounds);
  const auto times = time_in_turns(*work, reference, suite_, progress_, stop_);
  progress_.end();
  note_disturbance(cell.name, times.round_ours);

  Json row = row_of(cell, times);
  add_memory(row, memory.bytes());
  row["working_memory_bytes"] = json_of(working_memory(*work, compute.device));
  if (cell.seq_len > 0) {
    row["seq_len"] = cell.seq_len;
    row["scaling"] = options.name;
  }
  const double flops = counted_flops(*work);
  const double gflops = flops / quantile(times.ours, 0.5) / 1e9;
  row["gflop"] = flops / 1e9;
  row["gflop_per_second"] = gflops;
  row["goals"] = goals(options.target, row);
  row["met"] = all_met(row["goals"]);
  if (suite_.profile) row["profile"] = profile_of(*work, limits(options.dtype));
  if (compared && !suite_.rivals.empty()) row["rivals"] = rivals_.measure(*work, request, cell.name);
  return row;
}

Json machine_of(const plan::SpeedTask& task, const Json& peaks, const Json& register_peaks) {
  return {
    {"cpu", processor_name()}, {"device", task.compute.device}, {"threads", runtime::threads()},
        {"cpu_capability", at::get_cpu_capability()},
#if defined(__clang__)
        {"compiler", __VERSION__},
#else
        {"compiler", "GCC " __VERSION__},
#endif
        {"torch", TORCH_VERSION}, {"gemm_peak_gflop_per_second", peaks}, {
      "register_peak_gflop_per_second", register_peaks
    }
  };
}

Cell cell_of(const Json& value, double factor = 1.0) {
  return value.is_number() ? Cell(value.get<double>() * factor) : Cell();
}

Cell part_of(const Json& object, const char* key) {
  return object.is_object() ? cell_of(object[key]) : Cell();
}

/// "ratio <= 0.8, loader_share <= 0.05"
std::string goals_text(const Json& goals) {
  std::string text;
  for (const auto& row : goals) {
    text += fmt::format("{}{} <= {:g}", text.empty() ? "" : ", ", row["metric"].get<std::string>(),
                        row["limit"].get<double>());
  }
  return text;
}

Table speed_table(const std::vector<Json>& results) {
  Table table({"cell",
               {"p50 ms", 3},
               {"p95 ms", 3},
               {"samples/s", 0},
               {"reference ms", 3},
               {"ratio", 3},
               {"min", 3},
               {"max", 3},
               {"peak MiB", 0},
               {"memory ratio", 2},
               {"GFLOP/s", 1},
               {"% of GEMM", 1},
               {"% of peak", 1},
               {"% loader", 2},
               "target",
               "met"});
  for (const auto& row : results) {
    std::vector<Cell> cells{row["name"].get<std::string>()};
    if (row.contains("skipped")) {
      cells.resize(table.columns().size() - 2);
      cells.insert(cells.end(), {Cell(), row["skipped"].get<std::string>()});
    } else {
      const auto& ratio = row["ratio"];
      cells.insert(cells.end(),
                   {cell_of(row["p50_ms"]), cell_of(row["p95_ms"]), cell_of(row["samples_per_second"]),
                    part_of(row["reference"], "p50_ms"), part_of(ratio, "median"), part_of(ratio, "min"),
                    part_of(ratio, "max"), cell_of(row["peak_memory_bytes"], 1.0 / (1 << 20)),
                    cell_of(row["memory_ratio"]), cell_of(row["gflop_per_second"]),
                    cell_of(row["gemm_peak_share"], 100.0), cell_of(row["register_peak_share"], 100.0),
                    cell_of(row["loader_share"], 100.0)});
      cells.emplace_back(goals_text(row["goals"]));
      cells.emplace_back(row["met"].is_null() ? "" : row["met"].get<bool>() ? "yes" : "no");
    }
    table.add(std::move(cells));
  }
  return table;
}

/// One more table of the results, unless it is empty.
void add_table(Json& result, const char* key, const Table& table) {
  if (table.rows().empty()) return;
  result[key] = to_json(table);
  result["markdown"] = result["markdown"].get<std::string>() + "\n" + to_markdown(table);
}

/// The document of what has been measured, also written into the task's folder: a suite that is cut off
/// leaves its finished cells.
Json write_results(const plan::SpeedTask& task, const std::string& title, std::vector<Json> results,
                   const Json& peaks, const Json& register_peaks) {
  for (auto& row : results) {
    if (row.contains("skipped")) continue;
    const auto dtype = row["dtype"].get<std::string>();
    const double rate = row["gflop_per_second"].get<double>();
    row["gemm_peak_share"] = rate / peaks[dtype].get<double>();
    const auto peak = register_peaks.value(row["quantize"].is_null() ? dtype : "int8", Json());
    row["register_peak_share"] = peak.is_null() ? Json(nullptr) : Json(rate / peak.get<double>());
  }
  const auto table = speed_table(results);
  const auto scaling = fit_scaling(results);
  Json result{{"title", title.empty() ? task.suite.name() : title}};
  result["machine"] = machine_of(task, peaks, register_peaks);
  result["cells"] = results;
  result["rows"] = to_json(table);
  result["scaling"] = scaling_json(scaling);
  result["markdown"] = to_markdown(table);
  if (!scaling.empty())
    result["markdown"] = result["markdown"].get<std::string>() + "\n" + to_markdown(scaling_table(scaling));
  add_table(result, "rivals", rivals_table(results));
  add_table(result, "profile", profile_table(results));
  write_speed_results(task.out, result, table, scaling);
  return result;
}

}  // namespace

Json speed(const plan::SpeedTask& task, Progress& progress, Stop stop) {
  const auto suite = read_speed_suite(task);
  const auto cells = resolve_speed_cells(suite, task);
  if (task.dry_run) {
    Json names = Json::array();
    for (const auto& cell : cells) names.push_back(cell.name);
    return {{"plan",
             {{"cells", names},
              {"rounds", suite.rounds},
              {"reference", suite.reference},
              {"out", task.out.string()}}}};
  }
  // The device is opened before anything else asks LibTorch for it.
  runtime::select_compute(task.compute.device, "fp32");
  runtime::set_threads(task.compute.threads);
  SpeedBench bench(suite, task, progress, stop);
  const auto row_of = [&](const ResolvedSpeedCell& cell) -> Json {
    // Pictures are generated with random weights and need no file.
    const auto absent =
        cell.options.work == "generate" ? std::string() : first_missing(plan::input_paths(cell.config));
    if (absent.empty()) return bench.measure(cell);
    progress.warn(fmt::format("{}: skipped, {}", cell.name, absence_of(absent)));
    return {{"name", cell.name}, {"skipped", absence_of(absent)}};
  };
  std::vector<Json> results;
  Json result;
  for (const auto& cell : cells) {
    results.push_back(row_of(cell));
    result = write_results(task, suite.title, results, bench.peaks(), bench.register_peaks());
  }
  return result;
}

}  // namespace arzoo::tasks
