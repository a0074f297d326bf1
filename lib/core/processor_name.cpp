#include "core/processor_name.h"

#include <array>
#include <fstream>
#include <map>

#include "core/display_text.h"

namespace arzoo {
namespace {

constexpr std::size_t kLongestPart = 80;

// As /proc/cpuinfo calls them on x86 and on ARM.
constexpr std::array kInstructionSets = {"avx2",     "avx512f",  "avx512_bf16", "avx512_vnni", "avx512_fp16",
                                         "avx_vnni", "amx_bf16", "amx_int8",    "asimddp",     "bf16",
                                         "i8mm",     "sve",      "sve2"};

/// The lines "key : value" up to the first blank one.
std::map<std::string, std::string> first_processor(std::istream& cpuinfo) {
  std::map<std::string, std::string> values;
  for (std::string line; std::getline(cpuinfo, line) && !(line.empty() && !values.empty());) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const auto last = line.find_last_not_of(" \t", colon == 0 ? 0 : colon - 1);
    const auto first = line.find_first_not_of(" \t", colon + 1);
    if (last == std::string::npos || first == std::string::npos) continue;
    values.emplace(line.substr(0, last + 1), line.substr(first));
  }
  return values;
}

/// Those of the list that are among the flags, in the list's order.
std::string instruction_sets(const std::string& flags) {
  const auto padded = " " + flags + " ";
  std::string sets;
  for (const std::string set : kInstructionSets) {
    if (padded.find(" " + set + " ") != std::string::npos) sets += (sets.empty() ? "" : " ") + set;
  }
  return sets;
}

}  // namespace

std::string processor_name(std::istream& cpuinfo) {
  const auto values = first_processor(cpuinfo);
  const auto value = [&](const char* x86, const char* arm) {
    const auto found = values.contains(x86) ? values.find(x86) : values.find(arm);
    return found == values.end() ? std::string() : found->second;
  };
  auto name = shortened(one_line(value("model name", "CPU implementer")), kLongestPart);
  if (name.empty()) name = "unknown processor";
  const auto family = value("cpu family", "CPU architecture"), model = value("model", "CPU part");
  if (!family.empty()) name += ", family " + shortened(one_line(family), kLongestPart);
  if (!model.empty()) name += " model " + shortened(one_line(model), kLongestPart);
  const auto sets = instruction_sets(value("flags", "Features"));
  return sets.empty() ? name : name + ", " + sets;
}

std::string processor_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  return processor_name(cpuinfo);
}

}  // namespace arzoo
