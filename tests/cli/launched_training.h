#pragma once

#include <cmath>

#include "cli/refusal.h"

/// Runs of several processes beside runs of one.
namespace arzoo::test {

using Words = std::vector<std::string>;

inline Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

inline Words set(const std::string& change) { return {"--set", change}; }

/// Many short epochs whose numbers are all logged.
inline Words training_of(const std::string& config, const std::string& run, const Words& more = {}) {
  return Words{"train", config, "--out", run, "--threads", "1", "--quiet"} + set("training.patience=0") +
         set("training.log_every=1") + set("training.epochs=100") + more;
}

/// A run whose result does not depend on random numbers beyond the seed's weights and order.
inline Words training(const std::string& run, const Words& more = {}) {
  return training_of("config.json", run, set("model.dropout=0") + more);
}

inline Words launched(int processes, const Words& command) {
  return Words{"launch", "--processes", std::to_string(processes), "--"} + command;
}

/// The built program beside a series and a config.
struct ProgramWithData : Program {
  ProgramWithData() : Program(Library::built) {
    write("series.csv", wide_csv(hourly_table(TrainedProgram::kRows, {"a", "b"})));
    write("config.json", kTinyConfig);
  }
};

inline std::vector<nlohmann::json> log_of(const fs::path& run) {
  std::vector<nlohmann::json> lines;
  std::istringstream in(read_file(run / "metrics.jsonl"));
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

/// Every number that two runs have logged.
inline void check_same_log(const fs::path& run, const fs::path& expected, double margin = 1e-6) {
  const auto lines = log_of(run), wanted = log_of(expected);
  REQUIRE(lines.size() == wanted.size());
  REQUIRE(lines.size() >= 20);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    REQUIRE(lines[i].size() == wanted[i].size());
    for (const auto& [name, value] : wanted[i].items()) {
      CAPTURE(i, name);
      CHECK(std::abs(lines[i].at(name).get<double>() - value.get<double>()) < margin);
    }
  }
}

inline int64_t step_of(const fs::path& run) {
  const auto state = nlohmann::json::parse(read_file(run / "last/training.json"), nullptr, false);
  return state.is_discarded() ? -1 : state["state"]["step"].get<int64_t>();
}

}  // namespace arzoo::test
