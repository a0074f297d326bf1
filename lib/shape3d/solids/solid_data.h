#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "io/step_plugin.h"
#include "runtime/experiment.h"

namespace arzoo::shape3d {

/// Solids to train on, canonical (canonical_grids.h): parts made by the CAD kernel and those of STEP files.
class SolidData {
 public:
  /// config: resolved; of its "data" section path and test_path are STEP files or folders of them, solids the
  /// kinds of parts, count how many are made. Throws DataError, ConfigError.
  SolidData(const Config& config, const io::CadLimits& limits);

  const std::vector<io::BrepGraph>& solids(runtime::Split split) const;
  /// How many solids there are, and which files were refused.
  std::vector<std::string> notes() const { return notes_; }

 private:
  void add_parts(const std::vector<std::string>& kinds, int64_t first, int64_t count, uint64_t seed,
                 std::vector<io::BrepGraph>& solids);
  void add_files(const std::string& path, std::vector<io::BrepGraph>& solids);

  io::CadLimits limits_;
  std::vector<io::BrepGraph> train_, val_, test_;
  std::vector<std::string> notes_;
};

}  // namespace arzoo::shape3d
