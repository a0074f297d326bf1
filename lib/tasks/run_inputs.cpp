#include "tasks/run_inputs.h"

#include <algorithm>

namespace arzoo::tasks {

std::string missing_input(const Json& config) {
  const auto& data = config.at("data");
  std::vector<std::filesystem::path> inputs{data.value("path", ""),
                                            config.at("training").value("init_from", "")};
  for (const char* key : {"labels", "test_path", "test_labels", "tokenizer", "teacher"})
    inputs.push_back(data.value(key, ""));
  if (data.contains("sources")) {
    for (const auto& source : data.at("sources")) inputs.push_back(source.value("path", ""));
  }
  if (data.contains("sequences")) inputs.push_back(data.at("sequences").value("path", ""));
  return first_missing(inputs);
}

std::string first_missing(const std::vector<std::filesystem::path>& inputs) {
  for (const auto& input : inputs) {
    if (!input.empty() && !std::filesystem::exists(input)) return input.string();
  }
  return "";
}

Json file_stamps(const std::vector<std::filesystem::path>& inputs) {
  namespace fs = std::filesystem;
  std::vector<Json> stamps;
  const auto add = [&](const fs::path& file) {
    stamps.push_back(
        {file.string(), fs::file_size(file), fs::last_write_time(file).time_since_epoch().count()});
  };
  for (const auto& input : inputs) {
    if (fs::is_regular_file(input)) add(input);
    if (!fs::is_directory(input)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(input)) {
      if (entry.is_regular_file()) add(entry.path());
    }
  }
  std::sort(stamps.begin(), stamps.end());
  return stamps;
}

}  // namespace arzoo::tasks
