#include "tasks/run_inputs.h"

#include <filesystem>

namespace arzoo::tasks {

std::string missing_input(const Json& config) {
  const auto& data = config.at("data");
  std::vector<std::string> inputs{data.value("path", ""), config.at("training").value("init_from", "")};
  for (const char* key : {"labels", "test_path", "test_labels", "tokenizer"})
    inputs.push_back(data.value(key, ""));
  if (data.contains("sources")) {
    for (const auto& source : data.at("sources")) inputs.push_back(source.value("path", ""));
  }
  if (data.contains("sequences")) inputs.push_back(data.at("sequences").value("path", ""));
  for (const auto& input : inputs) {
    if (!input.empty() && !std::filesystem::exists(input)) return input;
  }
  return "";
}

}  // namespace arzoo::tasks
