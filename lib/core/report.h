#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/markdown_table.h"

namespace arzoo {

/// A paragraph.
struct ReportText {
  std::string text;
};

/// A picture made by to_svg(): put into the page as it is, so never one that comes from outside.
struct ReportSvg {
  std::string svg;
};

/// A raster picture that the page carries within itself.
struct ReportPng {
  std::string bytes;
  std::string caption;
};

/// An SVG file, wherever it comes from: shown as a picture, so that nothing in it runs.
struct ReportSvgFile {
  std::string bytes;
  std::string caption;
};

struct ReportSection {
  std::string heading;
  std::vector<std::variant<ReportText, ReportSvg, ReportPng, ReportSvgFile, Table>> content = {};
};

/// One page about a run: what it was, how it went, what came out.
struct Report {
  std::string title;
  std::string subtitle;                                      ///< one line below the title
  std::vector<std::pair<std::string, std::string>> summary;  ///< name and value, in large print
  std::vector<ReportSection> sections;
  std::string config;  ///< folded away at the end; empty: none
};

/// One HTML file that needs no other: readable offline, in light and dark, and on paper. All texts are
/// escaped.
std::string to_html(const Report& report);

}  // namespace arzoo
