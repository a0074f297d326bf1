#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "core/json_fwd.h"

namespace arzoo {

/// What to do with an existing run.
enum class IfExists {
  fail,     ///< refuse, so that no work is lost
  resume,   ///< continue it; it must have a saved state
  replace,  ///< remove its files and start again
};

/// The folder that a run writes, and nothing else writes:
///
///     config.json                       resolved, enough to repeat the run
///     model/                            best model: config.json and model.safetensors
///     last/                             all that --resume needs
///     metrics.jsonl  events.out.*       the training log, for people's scripts and for TensorBoard
///     report.html  *.svg                curves, forecasts or samples, final table
///     lock                              held while a process works here
///
/// The lock is the process's: it ends with it, however it ends. On a file system without locks the run goes
/// unguarded.
class RunDir {
 public:
  /// Makes or takes over the folder at `path`, locks it and clears away what a killed run left half-written.
  ///
  /// Throws UsageError if `path` is a file, a folder that is not empty and holds no run, a run in the way
  /// (fail), a run that is not there or was never saved (resume), or one that another process works in;
  /// also where the folder cannot be made or written for its place; SystemFailure for a failing disk.
  static RunDir create(const std::filesystem::path& path, IfExists if_exists);
  ~RunDir();
  RunDir(RunDir&& other) noexcept;
  RunDir& operator=(RunDir&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.json"; }
  std::filesystem::path model() const { return path_ / "model"; }
  std::filesystem::path last() const { return path_ / "last"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path report() const { return path_ / "report.html"; }

  /// Replaces config.json. Throws as AtomicFile does.
  void write_config(const Json& config) const;
  /// Replaces report.html. Throws as AtomicFile does.
  void write_report(std::string_view html) const;
  /// Replaces model/ by what `fill` writes into the folder that it is given: the whole of it or nothing of
  /// it.
  void save_model(const std::function<void(const std::filesystem::path& folder)>& fill) const;
  /// The same for last/.
  void save_last(const std::function<void(const std::filesystem::path& folder)>& fill) const;

 private:
  RunDir(std::filesystem::path path, int lock);

  std::filesystem::path path_;
  int lock_;
};

/// The model folder that `path` means: model/ of a run directory, its best model; else the path itself, a
/// model folder or a weights file. The one rule for every path that a user may give as a model.
std::filesystem::path model_place(const std::filesystem::path& path);

}  // namespace arzoo
