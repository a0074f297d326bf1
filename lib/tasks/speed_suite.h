#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>

#include "core/config.h"
#include "plan/tasks.h"

namespace arzoo::tasks {

/// What a cell should reach. Without any number the cell only reports.
struct SpeedTarget {
  std::optional<double> ratio;
  std::optional<double> memory_ratio;
  std::optional<double> p50_ms;
  std::optional<double> loader_share;

  static void fields(auto& o, auto& field) {
    field("ratio", o.ratio, more_than(0), "largest ratio to the reference's time, median over the rounds");
    field("memory_ratio", o.memory_ratio, more_than(0),
          "largest ratio to the reference's peak resident memory");
    field("p50_ms", o.p50_ms, more_than(0), "largest median time of a repetition, in ms");
    field("loader_share", o.loader_share, between(0, 1),
          "largest share of a training step spent waiting for its batch");
  }
};

/// One measurement.
struct SpeedCell {
  std::string name;
  std::string config;
  std::vector<std::string> set;
  std::string work = "train_step";
  std::string dtype = "fp32";
  std::string quantize;
  std::optional<int64_t> batch_size;
  std::optional<std::string> reference_dtype;
  std::vector<int64_t> lengths;
  std::vector<std::string> length_keys = {"data.seq_len"};
  SpeedTarget target;

  static void fields(auto& o, auto& field) {
    field("name", o.name, {}, "name of the cell in the table");
    field("config", o.config, {}, "training config, relative to the suite");
    field("set", o.set, {}, "overrides of the config, as --set takes them");
    field(
        "work", o.work, one_of({"train_step", "inference", "stream", "generate"}),
        "train_step: batch, forward, backward, update; inference: forward; stream: a line of forecast "
        "--stream, text to text; generate: pictures, text behind a prompt, or tokens or the field of shapes, "
        "with random weights");
    field("dtype", o.dtype, one_of({"fp32", "bf16"}), "precision of the matrix products");
    field("quantize", o.quantize, {}, "int8 or int4: weights of matrix products of inference");
    field("batch_size", o.batch_size, between(1, 1 << 20),
          "samples of a repetition, the config's when not given; 1 in a stream");
    field("reference_dtype", o.reference_dtype, one_of({"fp32", "bf16"}),
          "compare with the reference program in this precision");
    field("lengths", o.lengths, at_least(1),
          "measure at each of these lengths of the input, ascending, and fit how time and memory grow");
    field("length_keys", o.length_keys, nonempty(),
          "keys of the config that each length replaces; a picture's side is two of them");
    field("target", o.target, {}, "targets of the cell");
  }
  void check() const {
    require(!name.empty() && !config.empty(), "name and config are needed");
    require(quantize.empty() || ((quantize == "int8" || quantize == "int4") && work != "train_step"),
            "quantize: expected int8 or int4, and for inference alone; got \"{}\" for {}", quantize, work);
    require(work != "stream" || batch_size.value_or(1) == 1,
            "a stream answers one window at a time, got batch_size {}", *batch_size);
    require(work != "stream" || !reference_dtype,
            "a stream has no reference to compare with (remove reference_dtype)");
    require(std::is_sorted(lengths.begin(), lengths.end(), std::less_equal<>()),
            "lengths must ascend, so that an earlier one's memory does not hide a later one's");
    require((!target.ratio && !target.memory_ratio) || reference_dtype,
            "target.ratio and memory_ratio need a reference_dtype to compare with");
    require(!target.loader_share || work == "train_step",
            "target.loader_share is for work train_step, not {}", work);
  }
};

/// A suite file. No torch in here.
struct SpeedSuite {
  std::string title;
  int64_t rounds = 7;
  double round_seconds = 0.5;
  int64_t gemm_size = 2048;
  std::vector<std::string> reference;
  std::vector<std::string> rivals;
  bool profile = false;
  std::vector<SpeedCell> cells;

  static void fields(auto& o, auto& field) {
    field("title", o.title, {}, "heading of the results");
    field("rounds", o.rounds, between(1, 1000),
          "number of rounds; each measures arzoo and the reference in turn");
    field("round_seconds", o.round_seconds, between(0.001, 60),
          "approximate time of each measurement in a round");
    field("gemm_size", o.gemm_size, between(16, 16384),
          "edge of the square matrices whose product is the machine's peak");
    field("reference", o.reference, {},
          "program to compare with and its arguments; files relative to the suite");
    field("rivals", o.rivals, one_of({"eager", "compile", "openvino", "onnxruntime"}),
          "engines of the reference program that each cell with a reference_dtype is compared with as well");
    field("profile", o.profile, {}, "also where the time of one repetition goes, by kind of operation");
    field("cells", o.cells, nonempty(), "what to measure");
  }
  void check() const {
    require(rivals.empty() || !reference.empty(), "rivals are engines of a reference, and none is named");
    for (const auto& cell : cells) {
      require(!cell.reference_dtype || !reference.empty(),
              "\"{}\" has a reference_dtype, and the suite names no reference", cell.name);
    }
  }
};

/// A cell whose config is resolved, batch_size included. A cell with lengths becomes one of these for each.
struct ResolvedSpeedCell {
  SpeedCell options;
  std::string name;        ///< the cell's, with the length behind it
  int64_t seq_len = 0;     ///< one of the cell's lengths; 0 without any
  Json config;             ///< every value in force (plan/run_config.h)
  int64_t batch_size = 1;  ///< samples of one repetition
};

/// The suite of a task. Throws ConfigError.
SpeedSuite read_speed_suite(const plan::SpeedTask& task);

/// The cells whose name contains one of task.only, all when there is none. Throws ConfigError for a wrong
/// config, UsageError when none is left.
std::vector<ResolvedSpeedCell> resolve_speed_cells(const SpeedSuite& suite, const plan::SpeedTask& task);

/// The reference's argv: an argument that names a file beside the suite, and none from here, stands for that
/// file.
std::vector<std::string> reference_command(const std::vector<std::string>& reference,
                                           const std::filesystem::path& folder);

}  // namespace arzoo::tasks
