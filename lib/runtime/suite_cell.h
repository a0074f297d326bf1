#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/progress.h"
#include "core/stop.h"
#include "runtime/device.h"
#include "runtime/image_generator.h"
#include "runtime/losses.h"

/// Cells of `bench table` without training: a family's measurements of existing models.
namespace arzoo::runtime {

/// One measurement, its options checked.
class Evaluation {
 public:
  virtual ~Evaluation() = default;
  /// The files and folders that it reads, named or empty.
  virtual std::vector<std::filesystem::path> inputs() const = 0;
  /// Every option in force.
  virtual Json options() const = 0;
  /// {"test": {metric: value}, "files": {chart: SVG}, …}; paths are relative to where the process runs.
  virtual Json run(const Compute& compute, Progress& progress, Stop stop) const = 0;
  /// What this cell's "test" saves beside another's: ratios of costs.
  virtual Metrics savings(const Json& /*test*/, const Json& /*beside*/) const { return {}; }
};

/// Opens image generators of any family, so that one family's cell measures another's models.
struct ImageGenerators {
  std::unique_ptr<ImageGenerator> (*open)(const ImageSource& source, const Json& sampling,
                                          const Compute& compute) = nullptr;
  std::unique_ptr<ImageGenerator> (*random)(const std::vector<Config>& models,
                                            std::optional<int64_t> draft_steps, const Json& sampling,
                                            const Compute& compute, const Json& defaults) = nullptr;
};

/// What a suite knows that a cell's options refer to.
struct CellContext {
  std::function<void(std::string&)> find_model;  ///< a name of the suite's models becomes its path
  std::function<void(std::string&)> find_file;   ///< a path is found beside the suite
  std::optional<int64_t> seed;                   ///< replaces the cell's own
  std::function<Json(const std::filesystem::path&)> resolve_config;  ///< a training config, every value
  std::function<std::vector<std::filesystem::path>(const Json&)> config_inputs;  ///< files that one reads
  ImageGenerators generators = {};                                               ///< registry::read_cell's
};

/// Reads cells of one kind.
struct CellKind {
  std::vector<std::string_view> keys;  ///< that only this kind has: a cell with one of them is of this kind
  /// Throws ConfigError.
  std::shared_ptr<const Evaluation> (*read)(const Config& cell, const CellContext& context);
};

/// An Evaluation by an options struct and its functions.
template <class Options>
class CellOf : public Evaluation {
 public:
  explicit CellOf(Options options) : options_(std::move(options)) {}
  Json options() const override { return to_json(options_); }

 protected:
  const Options options_;
};

}  // namespace arzoo::runtime
