#include "core/report.h"

#include "core/chart.h"
#include "support/test.h"

using namespace arzoo;

namespace {

Report sample_report() {
  Table table({"model", {"mse", 3}});
  table.add({"<i>transformer", 0.38641});
  return {"Run <1>",
          "two threads & an hour",
          {{"test \"MSE\"", "0.3864"}},
          {{"Curves", {ReportSvg{to_svg(LineChart{"Loss", {}, {}, {}})}, ReportText{"a < b"}}},
           {"Results", {table}},
           {"Samples", {ReportPng{"png bytes", "class 207"}}}},
          "{\"name\": \"<&>\"}"};
}

}  // namespace

TEST_CASE("every text of a report is escaped", "[report_test]") {
  const auto page = to_html(sample_report());
  for (const char* expected :
       {"<title>Run &lt;1&gt;</title>", "<h1>Run &lt;1&gt;</h1>", "two threads &amp; an hour",
        "<dt>test &quot;MSE&quot;</dt><dd>0.3864</dd>", "<p>a &lt; b</p>", "&lt;i&gt;transformer",
        "<pre>{&quot;name&quot;: &quot;&lt;&amp;&gt;&quot;}</pre>"}) {
    CHECK_THAT(page, ContainsSubstring(expected));
  }
}

TEST_CASE("a report needs no other file and runs no script", "[report_test]") {
  auto page = to_html(sample_report());
  // The one address is the name of the SVG language, which is not fetched.
  const std::string name_space = "http://www.w3.org/2000/svg";
  page.erase(page.find(name_space), name_space.size());
  for (const char* outside : {"http:", "https:", "<script", "<link", "url(", "@import"}) {
    CHECK(page.find(outside) == std::string::npos);
  }
  CHECK_THAT(page, ContainsSubstring("default-src 'none'"));
}

TEST_CASE("sections come in their order, the config folded away at the end", "[report_test]") {
  const auto page = to_html(sample_report());
  const auto curves = page.find("<h2>Curves</h2>"), results = page.find("<h2>Results</h2>"),
             config = page.find("<details>");
  CHECK(page.find("<svg") > curves);
  CHECK(page.find("<svg") < results);
  CHECK(results < config);
  CHECK(config != std::string::npos);
}

TEST_CASE("numbers stand to the right, rounded to their column's decimals", "[report_test]") {
  CHECK_THAT(to_html(sample_report()), ContainsSubstring("<th class=\"n\">mse</th>") &&
                                           ContainsSubstring("<td class=\"n\">0.386</td>"));
}

TEST_CASE("a raster picture is carried in base64", "[report_test]") {
  std::string bytes, expected;
  std::tie(bytes, expected) = GENERATE(table<std::string, std::string>({{"", ""},
                                                                        {"f", "Zg=="},
                                                                        {"fo", "Zm8="},
                                                                        {"foo", "Zm9v"},
                                                                        {"foobar", "Zm9vYmFy"},
                                                                        {"\xFF\xFE\xFD", "//79"}}));
  const Report report{"t", "", {}, {{"s", {ReportPng{bytes, "c"}}}}, ""};
  CHECK_THAT(to_html(report), ContainsSubstring("\"data:image/png;base64," + expected + "\""));
}

TEST_CASE("an empty report is a page without empty parts", "[report_test]") {
  const auto page = to_html(Report{"t", "", {}, {}, ""});
  CHECK(page.find("<dl>") == std::string::npos);
  CHECK(page.find("<details>") == std::string::npos);
  CHECK(page.ends_with("</html>\n"));
}
