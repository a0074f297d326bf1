#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Files of events: who met whom, and when. No torch in here.
namespace arzoo::io {
class CsvTable;
}

namespace arzoo::graph {

/// Nodes by number, in the order in which a file names them.
class NodeNames {
 public:
  NodeNames() = default;
  /// names: of two columns' cells, row by row. numbers: receives the node of each.
  NodeNames(const std::vector<std::string_view>& names, std::vector<uint32_t>& numbers);

  int64_t size() const { return static_cast<int64_t>(by_name_.size()); }
  std::string_view name(int64_t node) const;
  std::optional<int64_t> find(std::string_view name) const;
  /// Throws DataError, with the nearest name of those in the file, for an unknown node.
  int64_t at(std::string_view name, std::string_view where) const;

 private:
  std::string text_;
  std::vector<uint32_t> begins_;   ///< in text_, of each node, and the end
  std::vector<uint32_t> by_name_;  ///< nodes in the order of their names
};

/// Events in the order of time; ties keep the order of the file.
struct EventTable {
  std::string file;
  NodeNames nodes;
  std::vector<uint32_t> source, target;
  std::vector<double> time;     ///< seconds
  std::vector<float> features;  ///< event by event
  std::vector<std::string> feature_names;
  std::vector<std::string> notes;  ///< what the user should know

  int64_t size() const { return static_cast<int64_t>(time.size()); }

  /// Reads a CSV file, gzipped or not: columns src, dst and time in any order, perhaps label, which nothing
  /// uses, and further ones, all numbers. Throws DataError "file:line: ..." for a missing column, an empty
  /// name, a time that is not finite or negative, a feature that is no number, and a file without events.
  /// Events that are not in the order of time are sorted, with a note.
  static EventTable read(const std::filesystem::path& path);
  static EventTable parse(std::string text, std::string name);

  /// The first event at `moment` or later.
  int64_t first_at(double moment) const;

 private:
  static EventTable of(const io::CsvTable& csv);
  void sort_by_time();
  void count_repeats();
};

}  // namespace arzoo::graph
