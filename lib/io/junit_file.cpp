#include "io/junit_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/display_text.h"

namespace arzoo::io {
namespace {

std::string element(const JunitCase& one) {
  auto text = fmt::format(R"(    <testcase classname="{}" name="{}" time="{:.3f}")", escape_markup(one.group),
                          escape_markup(one.name), one.seconds);
  if (!one.failure.empty()) {
    const auto message = escape_markup(one.failure);
    return text + fmt::format(">\n      <failure message=\"{0}\">{0}</failure>\n    </testcase>\n", message);
  }
  if (!one.skipped.empty())
    return text + fmt::format("><skipped message=\"{}\"/></testcase>\n", escape_markup(one.skipped));
  return text + "/>\n";
}

}  // namespace

std::string to_junit(const std::string& suite, const std::vector<JunitCase>& cases) {
  const auto count = [&](const auto& which) { return std::count_if(cases.begin(), cases.end(), which); };
  double seconds = 0.0;
  std::string elements;
  for (const auto& one : cases) {
    seconds += one.seconds;
    elements += element(one);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
      "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n{}  "
      "</testsuite>\n</testsuites>\n",
      escape_markup(suite), cases.size(), count([](const auto& c) { return !c.failure.empty(); }),
      count([](const auto& c) { return !c.skipped.empty(); }), seconds, elements);
}

}  // namespace arzoo::io
