#pragma once

#include <cstdlib>

#include "support/test.h"

namespace arzoo::test {

/// A Python that can import `module`: ARZOO_TEST_PYTHON, that of the checkout, or the system's; empty when
/// none can.
inline std::string python_with(const std::string& module) {
  std::vector<std::string> candidates;
  if (const char* chosen = std::getenv("ARZOO_TEST_PYTHON")) candidates.emplace_back(chosen);
  candidates.push_back((source_dir() / ".deps/venv/bin/python").string());
  candidates.emplace_back("python3");
  for (const auto& python : candidates) {
    if (std::system((python + " -c 'import " + module + "' > /dev/null 2>&1").c_str()) == 0) return python;
  }
  return "";
}

}  // namespace arzoo::test
