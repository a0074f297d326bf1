#include "forecast/data/sequences.h"

#include <algorithm>
#include <map>

#include "core/config.h"
#include "core/fetched_data.h"
#include "core/text_file.h"
#include "forecast/data/binary_sequences.h"
#include "forecast/data/npy_sequences.h"
#include "forecast/data/pickle_sequences.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

/// The value that a text is, a list as well as an object: Config reads objects alone.
Config value_of(std::string_view text, const std::string& name) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return Config::parse(text, name);
  const auto wrapped = Config::parse(fmt::format(R"({{"sequence": {}}})", text), name);
  wrapped.only({"sequence"});
  return wrapped.at("sequence");
}

/// A list of numbers, or an object with one under "sequence".
std::vector<double> sequence_in(const Config& entry) {
  std::vector<double> values;
  (entry.json().is_object() ? entry.at("sequence") : entry).read(values, {});
  return values;
}

std::unique_ptr<Sequences> read_json(const fs::path& path) {
  std::vector<std::vector<double>> sequences;
  for (const auto& entry : value_of(read_text_file(path), path.string()).elements())
    sequences.push_back(sequence_in(entry));
  return std::make_unique<ListedSequences>(std::move(sequences));
}

std::unique_ptr<Sequences> read_jsonl(const fs::path& path) {
  const auto text = read_text_file(path);
  std::vector<std::vector<double>> sequences;
  std::size_t line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const std::string_view row(text.data() + begin, end - begin);
    if (row.find_first_not_of(" \t\r") != std::string_view::npos)
      sequences.push_back(sequence_in(value_of(row, fmt::format("{}:{}", path.string(), line))));
    begin = end + 1;
  }
  return std::make_unique<ListedSequences>(std::move(sequences));
}

/// Several sources one behind the other.
class JoinedSequences : public Sequences {
 public:
  explicit JoinedSequences(std::vector<std::unique_ptr<Sequences>> parts) : parts_(std::move(parts)) {
    for (const auto& part : parts_) first_.push_back(first_.back() + part->size());
  }
  int64_t size() const override { return first_.back(); }
  int64_t length(int64_t index) const override { return part_of(index).length(index - first_of(index)); }
  std::vector<double> values(int64_t index) const override {
    return part_of(index).values(index - first_of(index));
  }

 private:
  std::size_t place(int64_t index) const {
    return std::upper_bound(first_.begin(), first_.end(), index) - first_.begin() - 1;
  }
  const Sequences& part_of(int64_t index) const { return *parts_[place(index)]; }
  int64_t first_of(int64_t index) const { return first_[place(index)]; }

  std::vector<std::unique_ptr<Sequences>> parts_;
  std::vector<int64_t> first_ = {0};  ///< number of each part's first series, and of all
};

using Opener = std::unique_ptr<Sequences> (*)(const fs::path& path);

/// By the name's ending; null for a file that is none of series.
Opener opener_of(const fs::path& path) {
  static const std::map<std::string, Opener> kOpeners{{".jsonl", &read_jsonl},
                                                      {".json", &read_json},
                                                      {".npy", &open_npy_sequences},
                                                      {".pkl", &read_pickled_sequences}};
  const auto found = kOpeners.find(path.extension().string());
  return found == kOpeners.end() ? nullptr : found->second;
}

/// Adds the sources in a folder and below. Links are not followed: a loop of them must end.
void collect(const fs::path& folder, std::vector<std::unique_ptr<Sequences>>& parts) {
  if (holds_binary_sequences(folder)) {
    parts.push_back(open_binary_sequences(folder));
    return;
  }
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  for (const auto& path : entries) {
    if (fs::is_directory(fs::symlink_status(path))) {
      collect(path, parts);
    } else if (const auto open = opener_of(path)) {
      parts.push_back(open(path));
    }
  }
}

}  // namespace

std::unique_ptr<Sequences> open_sequences(const fs::path& path) {
  if (!fs::exists(path)) fail<DataError>("{}: no such file or folder{}", path.string(), fetch_hint(path));
  try {
    if (!fs::is_directory(path)) {
      if (const auto open = opener_of(path)) return open(path);
      fail<DataError>("{}: not a file of sequences, expected .json, .jsonl, .npy, .pkl or a folder",
                      path.string());
    }
    std::vector<std::unique_ptr<Sequences>> parts;
    collect(path, parts);
    if (parts.empty())
      fail<DataError>("{}: no .json, .jsonl, .npy or .pkl file and no binary data set in or below it",
                      path.string());
    return std::make_unique<JoinedSequences>(std::move(parts));
  } catch (const ConfigError& error) {
    fail<DataError>("{}", error.what());
  } catch (const CheckpointError& error) {
    fail<DataError>("{}", error.what());
  }
}

}  // namespace arzoo::forecast
