// Wavefront OBJ: https://paulbourke.net/dataformats/obj

#include "io/mesh_formats.h"

namespace arzoo::io {
namespace {

/// Statements that a surface of polygons does not need.
constexpr std::string_view kPassedOver[] = {
    "vt",     "vn",   "vp",   "cstype",   "deg",      "bmat",       "step",     "p",     "l",     "curv",
    "curv2",  "surf", "parm", "trim",     "hole",     "scrv",       "sp",       "end",   "con",   "g",
    "s",      "mg",   "o",    "bevel",    "lod",      "usemtl",     "mtllib",   "ctech", "stech", "usemap",
    "maplib", "call", "csh",  "c_interp", "d_interp", "shadow_obj", "trace_obj"};

/// "7", "7/1", "7//3" or "7/1/3" as an index from 0; counted from the end where negative.
int64_t corner_of(std::string_view word, std::size_t vertices, const MeshText& text) {
  const auto digits = word.substr(0, word.find('/'));
  int64_t index = 0;
  const bool negative = digits.starts_with('-');
  const auto number = digits.substr(negative ? 1 : 0);
  constexpr std::size_t kMostDigits = 10;
  if (number.empty() || number.size() > kMostDigits || number.find_first_not_of("0123456789") != number.npos)
    text.reject(fmt::format("{} is no corner, expected an index from 1 on or from -1 back", in_quotes(word)));
  for (const char c : number) index = index * 10 + (c - '0');
  const auto count = static_cast<int64_t>(vertices);
  const int64_t from_zero = negative ? count - index : index - 1;
  if (index == 0 || from_zero < 0 || from_zero >= count)
    text.reject(
        fmt::format("corner {}, expected one of the {} vertices before this line", in_quotes(word), count));
  return from_zero;
}

}  // namespace

Mesh decode_obj(std::string_view bytes, std::string_view name, FileBudget& budget) {
  MeshBuilder mesh(budget);
  MeshText text(bytes, name);
  std::vector<int32_t> corners;
  while (text.next_line()) {
    // A line that ends in a backslash goes on.
    auto words = text.words();
    while (words.back() == "\\" && text.next_line()) {
      words.pop_back();
      words.insert(words.end(), text.words().begin(), text.words().end());
      if (words.size() > MeshText::kMostWords)
        text.reject(fmt::format("a statement of more than {} words", MeshText::kMostWords));
    }
    const auto statement = words.front();
    if (statement == "v") {
      mesh.add_vertex(text.point(1, "a vertex of three numbers"));
    } else if (statement == "f") {
      if (words.size() < 4)
        text.reject(fmt::format("a face of {} corners, expected 3 or more", words.size() - 1));
      corners.clear();
      for (std::size_t i = 1; i < words.size(); ++i)
        corners.push_back(static_cast<int32_t>(corner_of(words[i], mesh.vertices(), text)));
      mesh.add_polygon(corners);
    } else if (std::find(std::begin(kPassedOver), std::end(kPassedOver), statement) ==
               std::end(kPassedOver)) {
      text.reject(fmt::format("{} is no statement of an OBJ file", in_quotes(statement)));
    }
  }
  return mesh.take();
}

std::string encode_obj(const Mesh& mesh) {
  std::string out = "# arzoo\n";
  for (const auto& v : mesh.vertices) out += fmt::format("v {} {} {}\n", v.x, v.y, v.z);
  for (const auto& [a, b, c] : mesh.triangles) out += fmt::format("f {} {} {}\n", a + 1, b + 1, c + 1);
  return out;
}

}  // namespace arzoo::io
