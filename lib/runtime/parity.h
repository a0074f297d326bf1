#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config.h"
#include "runtime/named_tensors.h"

/// Replaying what the official code did: a fixture folder holds its configuration, weights, inputs, random
/// inputs and outputs.
namespace arzoo::runtime {

/// |value - expected| <= atol + rtol * |expected|, element by element.
struct Tolerance {
  double rtol = 1e-4, atol = 1e-5;
};

/// A fixture folder, opened.
struct ParityCase {
  std::filesystem::path folder;
  std::string name;     ///< family/case, from the folder's last two parts
  Config info, config;  ///< case.json, config.json
  NamedTensors io;      ///< inputs and expected outputs
  Tolerance tolerance;
  at::Device device = at::kCPU;  ///< where io and weights lie
  /// What the reader should know of the replay, each once; shared by the copies of a case.
  std::shared_ptr<std::vector<std::string>> notes = std::make_shared<std::vector<std::string>>();

  /// Throws CheckpointError, ConfigError for a folder that is not a fixture.
  static ParityCase open(const std::filesystem::path& folder, at::Device device = at::kCPU);
  /// The same case for what is computed on the CPU whatever the device: data sets, meshes, baselines.
  ParityCase on_cpu() const;

  const at::Tensor& input(std::string_view name) const { return io.at(name); }
  bool has_input(std::string_view name) const { return io.contains(name); }
  NamedTensors weights() const;
  /// Loads the module strictly (named_tensors.h) and moves it to the case's device. Notes the tables that
  /// differ.
  void load(torch::nn::Module& module, const NamedTensors& tensors) const;
  /// Notes the tables (table_differences) of weights that were loaded otherwise: a case passes with them, but
  /// they are not compared.
  void note_tables(const torch::nn::Module& module, const NamedTensors& tensors) const;
  /// Names of the outputs that case.json lists.
  std::vector<std::string> output_names() const;
  /// A file of real data that the fixture refers to but does not hold, looked for in the folder and below a
  /// "datasets" folder beside any of its parents. Throws DataError that says where it looked.
  std::filesystem::path dataset(const std::string& file) const;
};

/// One comparison that a replay made.
struct ParityOutput {
  std::string name;
  double max_abs = 0.0, max_rel = 0.0;
  std::string worst;  ///< index of the worst element and the two values, when it fails
  bool passed = false;
  bool informative = false;  ///< an intermediate result: shown, never decisive
};

/// Collects the comparisons of one case.
class ParityReport {
 public:
  explicit ParityReport(const ParityCase& fixture) : fixture_(fixture) {}

  /// Compares with the expected output of this name; throws CheckpointError when the case has none.
  void check(const std::string& name, const at::Tensor& value);
  void check(const std::string& name, const at::Tensor& value, const Tolerance& tolerance);
  /// Compares with a number or a tensor that stands elsewhere (in case.json).
  void check_value(const std::string& name, const at::Tensor& value, const at::Tensor& expected,
                   const Tolerance& tolerance);
  void check_value(const std::string& name, double value, double expected, const Tolerance& tolerance);
  /// An intermediate result: compared for the reader when the case knows it.
  void inform(const std::string& name, const at::Tensor& value);

  /// Outputs that case.json lists and that were not checked: each is a failure. "mid." and "attn." names are
  /// for debugging only.
  std::vector<std::string> unchecked() const;
  const std::vector<ParityOutput>& outputs() const { return outputs_; }
  bool passed() const;

 private:
  const ParityCase& fixture_;
  std::vector<ParityOutput> outputs_;
};

/// How a family replays a case.
using ParityReplay = std::function<void(const ParityCase&, ParityReport&)>;

}  // namespace arzoo::runtime
