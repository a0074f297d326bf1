#pragma once

#include <string>
#include <vector>

namespace arzoo::io {

/// One check of a run, as continuous integration shows it.
struct JunitCase {
  std::string group, name;
  double seconds = 0.0;
  std::string failure = {};  ///< what was wrong; empty: passed
  std::string skipped = {};  ///< why it did not run; empty: it did
};

/// A JUnit XML document with one test suite. All texts are escaped.
std::string to_junit(const std::string& suite, const std::vector<JunitCase>& cases);

}  // namespace arzoo::io
