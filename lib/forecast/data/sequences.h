#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

/// Univariate series of any length and no calendar, as Time-MoE's training data come. No torch in here.
namespace arzoo::forecast {

/// Series by number. Reading one does not change the source: several threads may.
class Sequences {
 public:
  virtual ~Sequences() = default;
  virtual int64_t size() const = 0;
  /// Points of a series.
  virtual int64_t length(int64_t index) const = 0;
  virtual std::vector<double> values(int64_t index) const = 0;
};

/// Series held in memory.
class ListedSequences : public Sequences {
 public:
  explicit ListedSequences(std::vector<std::vector<double>> sequences) : sequences_(std::move(sequences)) {}
  int64_t size() const override { return static_cast<int64_t>(sequences_.size()); }
  int64_t length(int64_t index) const override { return static_cast<int64_t>(sequences_[index].size()); }
  std::vector<double> values(int64_t index) const override { return sequences_[index]; }

 private:
  std::vector<std::vector<double>> sequences_;
};

/// Opens what `path` means:
/// - a .jsonl file: on each line a list of numbers, or {"sequence": list}; or a .json file: a list of these;
/// - a .npy file (npy_sequences.h) or a .pkl file (pickle_sequences.h);
/// - a folder with meta.json and .bin files: Time-300B's binary form (binary_sequences.h);
/// - any other folder: all of these in it and below, in the order of their names.
/// Throws DataError naming file and line (or the JSON pointer) for anything else.
std::unique_ptr<Sequences> open_sequences(const std::filesystem::path& path);

}  // namespace arzoo::forecast
