#include "io/junit_file.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("checks become JUnit XML with counts, and no text breaks out of it") {
  const auto xml = io::to_junit("a \"suite\"", {{"forecast", "mse", 1.25},
                                                {"forecast", "mae", 0.5, "0.1 < 0.2 & worse"},
                                                {"image", "var", 0.0, "", "data.csv is not there"}});
  CHECK(xml ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites>\n"
        "  <testsuite name=\"a &quot;suite&quot;\" tests=\"3\" failures=\"1\" skipped=\"1\" time=\"1.750\">\n"
        "    <testcase classname=\"forecast\" name=\"mse\" time=\"1.250\"/>\n"
        "    <testcase classname=\"forecast\" name=\"mae\" time=\"0.500\">\n"
        "      <failure message=\"0.1 &lt; 0.2 &amp; worse\">0.1 &lt; 0.2 &amp; worse</failure>\n"
        "    </testcase>\n"
        "    <testcase classname=\"image\" name=\"var\" time=\"0.000\"><skipped message=\"data.csv is not "
        "there\"/></testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n");
}
