#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "io/step_plugin.h"

/// A solid as a sequence of tokens (AutoBrep, Sec. 4): faces in breadth-first levels, each with its box, its
/// shape codes and the edges to earlier faces, which are named by pointers.
///
///     BOS  BOM complexity EOM  BOC  level* EOC  EOS
///     level: BOL face+ EOL          the first level has one face
///     face:  BOF box codes (reference box codes)* EOF
///
/// A reference names a face of the level before or of the own one, counted from the first of the level
/// before.
namespace arzoo::shape3d {

enum BrepMark : int64_t {
  kBos = 0,
  kEos,
  kBot,
  kEot,
  kBoc,
  kEoc,
  kBol,
  kEol,
  kBof,
  kEof,
  kBogeom,
  kEogeom,
  kBom,
  kEom,
  kEasy,
  kMid,
  kHard,
  kUncond,
  kBopc,
  kEopc,
  kDummyReference,
  kMarks
};

inline constexpr int64_t kBoxTokens = 6, kFaceCodes = 4, kEdgeCodes = 2;
using BoxBits = std::array<int64_t, 6>;

/// The ranges of token ids, one behind the other: marks, references, box coordinates, codes of faces, of
/// edges.
struct BrepVocabulary {
  int64_t bit = 10;
  int64_t max_face = 200;
  int64_t surf_codebook_size = 1000, edge_codebook_size = 1000;

  int64_t references() const { return kMarks; }
  int64_t boxes() const { return kMarks + max_face; }
  int64_t face_codes() const { return boxes() + coordinates(); }
  int64_t edge_codes() const { return face_codes() + surf_codebook_size; }
  int64_t size() const { return edge_codes() + edge_codebook_size; }
  int64_t coordinates() const { return int64_t{1} << bit; }
};

/// [-1, 1] to whole numbers below 2^bit, to even where halfway, in float as officially; and back.
BoxBits quantised_box(const io::Box6& box, int64_t bit);
io::Box6 opened_box(const BoxBits& bits, int64_t bit);

/// The complexity of a solid of so many faces: kEasy, kMid or kHard.
int64_t complexity_of(int64_t faces);

/// The sequence of a solid. complexity: kEasy … kUncond; none where it is negative. In place of codes there
/// is one token of each shape: face i's is face_codes() + i, edge j's face_codes() + max_face + j. Throws
/// DataError for a solid of more than max_face faces.
std::vector<int64_t> brep_sequence(const io::BrepGraph& graph, const BrepVocabulary& vocabulary,
                                   int64_t complexity);
/// The same with the codes in their places.
std::vector<int64_t> with_codes(const std::vector<int64_t>& sequence, const BrepVocabulary& vocabulary,
                                const std::vector<std::array<int64_t, kFaceCodes>>& faces,
                                const std::vector<std::array<int64_t, kEdgeCodes>>& edges);

/// What a sequence says.
struct ParsedBrep {
  std::vector<BoxBits> face_boxes, edge_boxes;
  std::vector<std::array<int64_t, kFaceCodes>> face_codes;
  std::vector<std::array<int64_t, kEdgeCodes>> edge_codes;
  std::vector<std::array<int32_t, 2>> edge_faces;
};

/// Reads the tokens between BOC and EOC. Records of dummy references are left out. Throws DataError, naming
/// the place, for a sequence that the grammar does not produce.
ParsedBrep parse_brep(const std::vector<int64_t>& tokens, const BrepVocabulary& vocabulary);

}  // namespace arzoo::shape3d
