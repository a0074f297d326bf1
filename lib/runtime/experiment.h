#pragma once

#include <torch/nn/module.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json_fwd.h"
#include "core/progress.h"
#include "core/report.h"
#include "runtime/objective.h"

namespace arzoo::runtime {

/// calibration: what prediction intervals are fitted on, of families that set such data apart.
enum class Split { train, val, test, calibration };

/// What the one training loop needs of a family: its model, its batches and how well it does.
class Experiment : public Objective {
 public:
  virtual torch::nn::Module& model() = 0;
  /// Batches of one pass over the training split; at least 1.
  virtual int64_t batches_per_epoch() const = 0;
  /// The model's errors on a split, in inference mode. The first is what early stopping watches; smaller is
  /// better.
  virtual Metrics evaluate(Split split) = 0;
  /// Writes all that inference needs into the empty folder: config.json, model.safetensors, what else the
  /// family keeps.
  virtual void save(const std::filesystem::path& folder) = 0;
  /// The reverse of save: the weights and what else inference needs become those in the folder. Throws
  /// CheckpointError.
  virtual void load(const std::filesystem::path& folder) = 0;
  /// Called once before the first step, by experiments that make their data themselves. Throws Interrupted
  /// when `stop` asks for it.
  virtual void prepare_data(Progress& /*progress*/, const std::atomic<bool>& /*stop*/) {}
  /// What the user should know about the data ("12 missing cells interpolated").
  virtual std::vector<std::string> notes() const { return {}; }
  /// What a program that trains the same model must know of the data; null where nothing is compared.
  virtual Json reference_shape() const;
  /// Seconds that training batches were waited for so far.
  virtual double loader_seconds() const { return 0.0; }
  /// What the run's report shows of the model at work: forecasts, samples.
  virtual std::vector<ReportSection> showcase() = 0;
};

}  // namespace arzoo::runtime
