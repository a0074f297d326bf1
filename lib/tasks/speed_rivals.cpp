#include "tasks/speed_rivals.h"

#include <algorithm>

#include "core/display_text.h"
#include "core/markdown_table.h"
#include "tasks/reference_process.h"

namespace arzoo::tasks {
namespace {

constexpr double kCompilePatience = 900.0;  // seconds to start, build, export and compile
constexpr double kSlowestRival = 100.0;     // times as long as ours before it counts as stuck
constexpr std::size_t kLongestReason = 100;

/// What the last answer says besides its seconds.
struct Answer {
  std::vector<double> seconds;
  std::optional<double> start_seconds, compile_seconds;
  std::optional<int64_t> peak_memory_bytes;
};

Answer read_answer(const Config& answer) {
  Answer read;
  answer.at("seconds").read(read.seconds, more_than(0));
  if (read.seconds.empty()) answer.reject("no seconds in the answer");
  if (answer.has("start_seconds")) answer.at("start_seconds").read(read.start_seconds, at_least(0));
  if (answer.has("compile_seconds")) answer.at("compile_seconds").read(read.compile_seconds, at_least(0));
  if (answer.has("peak_memory_bytes"))
    answer.at("peak_memory_bytes").read(read.peak_memory_bytes, at_least(1));
  return read;
}

template <class Value>
Json json_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Cell number_cell(const Json& value, double factor = 1.0) {
  return value.is_number() ? Cell(value.get<double>() * factor) : Cell();
}

}  // namespace

Json SpeedRivals::measure_one(runtime::SpeedWork& work, Json request, const std::string& cell,
                              const std::string& engine) const {
  request["engine"] = engine;
  ReferenceProcess process(reference_command(suite_.reference, folder_),
                           [this](std::string_view line) { progress_.detail(line); });
  Answer last;
  const auto reference = [&](int64_t repeat, double expected) -> std::optional<std::vector<double>> {
    request["repeat"] = repeat;
    const auto patience = std::chrono::duration<double>(kCompilePatience + kSlowestRival * expected);
    const Config answer(process.ask(request, patience, stop_), "reference");
    if (answer.has("error")) fail<DataError>("{}", answer.text("error"));
    last = read_answer(answer);
    return last.seconds;
  };
  progress_.begin(fmt::format("{} beside {}", cell, engine), suite_.rounds);
  const auto times = time_in_turns(work, reference, suite_, progress_, stop_);
  progress_.end();
  const auto ratios = times.ratios();
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  return {{"engine", engine},
          {"ours_ms", quantile(times.ours, 0.5) * 1e3},
          {"p50_ms", quantile(times.round_theirs, 0.5) * 1e3},
          {"ratio", {{"median", quantile(ratios, 0.5)}, {"min", *least}, {"max", *most}}},
          {"peak_memory_bytes", json_or_null(last.peak_memory_bytes)},
          {"start_seconds", json_or_null(last.start_seconds)},
          {"compile_seconds", json_or_null(last.compile_seconds)}};
}

Json SpeedRivals::measure(runtime::SpeedWork& work, const Json& request, const std::string& cell) const {
  Json all = Json::array();
  for (const auto& engine : suite_.rivals) {
    try {
      all.push_back(measure_one(work, request, cell, engine));
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      const auto reason = shortened(one_line(error.what()), kLongestReason);
      progress_.end();
      progress_.warn(fmt::format("{} beside {}: not measured, {}", cell, engine, reason));
      all.push_back({{"engine", engine}, {"error", reason}});
    }
  }
  return all;
}

Table rivals_table(const std::vector<Json>& rows) {
  Table table({"cell",
               "rival",
               {"ours ms", 3},
               {"rival ms", 3},
               {"ratio", 3},
               {"min", 3},
               {"max", 3},
               {"ours MiB", 0},
               {"rival MiB", 0},
               {"start s", 2},
               {"compile s", 2},
               "not measured"});
  constexpr double kMebibytes = 1.0 / (1 << 20);
  for (const auto& row : rows) {
    if (!row.contains("rivals")) continue;
    for (const auto& rival : row["rivals"]) {
      std::vector<Cell> cells{row["name"].get<std::string>(), rival["engine"].get<std::string>()};
      if (rival.contains("error")) {
        cells.resize(table.columns().size() - 1);
        cells.emplace_back(rival["error"].get<std::string>());
      } else {
        const auto& ratio = rival["ratio"];
        cells.insert(cells.end(),
                     {number_cell(rival["ours_ms"]), number_cell(rival["p50_ms"]),
                      number_cell(ratio["median"]), number_cell(ratio["min"]), number_cell(ratio["max"]),
                      number_cell(row["peak_memory_bytes"], kMebibytes),
                      number_cell(rival["peak_memory_bytes"], kMebibytes),
                      number_cell(rival["start_seconds"]), number_cell(rival["compile_seconds"]), Cell("")});
      }
      table.add(std::move(cells));
    }
  }
  return table;
}

}  // namespace arzoo::tasks
