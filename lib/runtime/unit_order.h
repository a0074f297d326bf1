#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace arzoo::runtime {

class ProcessGroup;

/// The order in which processes use the units of a sharded model. It must be the same in all of them:
/// messages of two units would be taken for one another, or be waited for without an end.
class UnitOrder {
 public:
  enum class Use : int64_t { gathers, reduces, ends };

  /// units: their names by number. group must outlive this.
  UnitOrder(ProcessGroup& group, std::vector<std::string> units);

  /// Compares what this process is about to do with what the others are, before the messages of it. `ends`:
  /// the pass does, with no unit. Throws SystemFailure, in every process, that names two ranks and their
  /// units.
  void agree(Use use, int64_t unit) const;

 private:
  std::string told(int64_t code) const;

  ProcessGroup& group_;
  std::vector<std::string> units_;
};

}  // namespace arzoo::runtime
