#include "core/report.h"

#include <fmt/format.h>

#include <string_view>

#include "core/display_text.h"

namespace arzoo {

namespace {

// "color-scheme" also gives scroll bars and the page before its first paint the right colour.
constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';style-src 'unsafe-inline';img-src data:">
<meta name="generator" content="arzoo">
)";

constexpr std::string_view kPageStyle = R"(<style>
:root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--line:#d8dee4;--page:#f6f8fa;--card:#fff;--stripe:#f6f8fa}
@media screen and (prefers-color-scheme:dark){
:root{--ink:#e6edf3;--soft:#9198a1;--line:#30363d;--page:#0d1117;--card:#161b22;--stripe:#1c222a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:924px;margin:0 auto;padding:40px 20px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:20px;margin:40px 0 12px}
p{margin:0 0 14px;max-width:70ch;white-space:pre-line;overflow-wrap:anywhere}
.sub{color:var(--soft);margin-bottom:24px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));gap:12px;margin:0}
dl div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
dt{color:var(--soft);font-size:13px}
dd{margin:0;font-size:19px;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
figure{margin:0 0 18px}
figcaption{color:var(--soft);font-size:13px;margin-top:4px}
figure svg{display:block;width:100%;height:auto;border:1px solid var(--line);border-radius:8px}
figure img{display:block;max-width:100%;height:auto;border-radius:8px}
.scroll{overflow-x:auto;margin:0 0 18px;background:var(--card);border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:7px 14px;text-align:left;white-space:nowrap}
th{font-size:13px;color:var(--soft);border-bottom:1px solid var(--line)}
tbody tr:nth-child(even){background:var(--stripe)}
.n{text-align:right}
details{margin-top:40px}
summary{cursor:pointer;font-size:20px;font-weight:600}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px;overflow-x:auto;
font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
@media print{:root{color-scheme:light}body{background:#fff;font-size:11pt}main{max-width:none;padding:0}
h2{break-after:avoid}figure,tr,dl div{break-inside:avoid}.scroll,pre{overflow:visible}pre{white-space:pre-wrap}}
</style>
)";

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U;
    };
    const unsigned group = byte(0) << 16U | byte(1) << 8U | byte(2);
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k <= bytes.size() ? kAlphabet[group >> (18U - 6U * k) & 63U] : '=';
    }
  }
  return text;
}

std::string html(const ReportText& paragraph) {
  return fmt::format("<p>{}</p>\n", escape_markup(paragraph.text));
}

std::string html(const ReportSvg& picture) { return fmt::format("<figure>\n{}</figure>\n", picture.svg); }

std::string figure(const std::string& caption, std::string_view type, const std::string& bytes) {
  return fmt::format(
      "<figure><img alt=\"{0}\" src=\"data:image/{1};base64,{2}\"><figcaption>{0}</figcaption></figure>\n",
      escape_markup(caption), type, base64(bytes));
}

std::string html(const ReportPng& picture) { return figure(picture.caption, "png", picture.bytes); }

std::string html(const ReportSvgFile& picture) { return figure(picture.caption, "svg+xml", picture.bytes); }

std::string html(const Table& table) {
  const auto css = [&](std::size_t column) { return table.is_numeric(column) ? " class=\"n\"" : ""; };
  std::string text = "<div class=\"scroll\"><table>\n<thead><tr>";
  std::vector<std::string> classes;
  for (std::size_t c = 0; c < table.columns().size(); ++c) {
    classes.emplace_back(css(c));
    text += fmt::format("<th{}>{}</th>", classes[c], escape_markup(table.columns()[c].name));
  }
  text += "</tr></thead>\n<tbody>\n";
  for (std::size_t r = 0; r < table.rows().size(); ++r) {
    text += "<tr>";
    for (std::size_t c = 0; c < classes.size(); ++c) {
      text += fmt::format("<td{}>{}</td>", classes[c], escape_markup(table.shown(r, c)));
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace

std::string to_html(const Report& report) {
  std::string page(kHead);
  const std::string title = escape_markup(report.title);
  page += fmt::format("<title>{}</title>\n", title);
  page += kPageStyle;
  page += fmt::format("</head>\n<body>\n<main>\n<h1>{}</h1>\n", title);
  if (!report.subtitle.empty())
    page += fmt::format("<p class=\"sub\">{}</p>\n", escape_markup(report.subtitle));
  if (!report.summary.empty()) page += "<dl>\n";
  for (const auto& [name, value] : report.summary) {
    page += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_markup(name), escape_markup(value));
  }
  if (!report.summary.empty()) page += "</dl>\n";
  for (const ReportSection& section : report.sections) {
    page += fmt::format("<h2>{}</h2>\n", escape_markup(section.heading));
    for (const auto& part : section.content) {
      page += std::visit([](const auto& content) { return html(content); }, part);
    }
  }
  if (!report.config.empty()) {
    page += fmt::format("<details>\n<summary>Config</summary>\n<pre>{}</pre>\n</details>\n",
                        escape_markup(report.config));
  }
  return page + "</main>\n</body>\n</html>\n";
}

}  // namespace arzoo
