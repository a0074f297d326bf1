#include "shape3d/solids/brep_tokens.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace arzoo::shape3d {
namespace {

/// Neighbours of each face, and the edges of each pair in order.
struct FaceOrder {
  std::vector<int64_t> faces;   ///< in the order of the sequence
  std::vector<int64_t> levels;  ///< faces of each level
};

std::vector<int64_t> ranked(const std::vector<BoxBits>& boxes) {
  std::vector<int64_t> order(boxes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return boxes[static_cast<std::size_t>(a)] < boxes[static_cast<std::size_t>(b)];
  });
  return order;
}

/// Breadth first from the lowest face; within a level by rank. Faces that cannot be reached are left out.
FaceOrder breadth_first(const io::BrepGraph& graph, const std::vector<BoxBits>& boxes) {
  const auto order = ranked(boxes);
  std::vector<int64_t> rank(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    rank[static_cast<std::size_t>(order[i])] = static_cast<int64_t>(i);
  std::vector<std::vector<int64_t>> neighbours(order.size());
  for (const auto& [a, b] : graph.edge_faces) {
    neighbours[static_cast<std::size_t>(a)].push_back(b);
    neighbours[static_cast<std::size_t>(b)].push_back(a);
  }
  std::vector<bool> seen(order.size(), false);
  FaceOrder found{{order.front()}, {1}};
  seen[static_cast<std::size_t>(order.front())] = true;
  for (std::size_t first = 0; first < found.faces.size();) {
    const auto last = found.faces.size();
    for (; first < last; ++first) {
      for (const int64_t face : neighbours[static_cast<std::size_t>(found.faces[first])]) {
        if (seen[static_cast<std::size_t>(face)]) continue;
        seen[static_cast<std::size_t>(face)] = true;
        found.faces.push_back(face);
      }
    }
    if (found.faces.size() == last) break;
    std::sort(found.faces.begin() + static_cast<std::ptrdiff_t>(last), found.faces.end(),
              [&](int64_t a, int64_t b) {
                return rank[static_cast<std::size_t>(a)] < rank[static_cast<std::size_t>(b)];
              });
    found.levels.push_back(static_cast<int64_t>(found.faces.size() - last));
  }
  return found;
}

class SequenceWriter {
 public:
  SequenceWriter(const io::BrepGraph& graph, const BrepVocabulary& vocabulary)
      : graph_(graph), vocabulary_(vocabulary) {
    for (const auto& box : graph.face_boxes) faces_.push_back(quantised_box(box, vocabulary.bit));
    for (const auto& box : graph.edge_boxes) edges_.push_back(quantised_box(box, vocabulary.bit));
    edges_of_.resize(faces_.size());
    for (std::size_t edge = 0; edge < graph.edge_faces.size(); ++edge) {
      for (const int32_t face : graph.edge_faces[edge])
        edges_of_[static_cast<std::size_t>(face)].push_back(static_cast<int64_t>(edge));
    }
  }

  std::vector<int64_t> write(int64_t complexity) {
    add(kBos);
    if (complexity >= 0) tokens_.insert(tokens_.end(), {kBom, complexity, kEom});
    add(kBoc);
    const auto order = breadth_first(graph_, faces_);
    std::vector<int64_t> number(faces_.size(), -1);
    int64_t next = 0, before = 0;
    for (const int64_t count : order.levels) {
      add(kBol);
      const int64_t first = next;
      for (int64_t i = 0; i < count; ++i, ++next) {
        const int64_t face = order.faces[static_cast<std::size_t>(next)];
        write_face(face, number, before);
        number[static_cast<std::size_t>(face)] = next;
      }
      add(kEol);
      before = first;
    }
    add(kEoc);
    add(kEos);
    return std::move(tokens_);
  }

 private:
  void add(int64_t token) { tokens_.push_back(token); }
  void add_box(const BoxBits& box) {
    for (const int64_t coordinate : box) add(vocabulary_.boxes() + coordinate);
  }
  int64_t other(int64_t edge, int64_t face) const {
    const auto& pair = graph_.edge_faces[static_cast<std::size_t>(edge)];
    return pair[0] == face ? pair[1] : pair[0];
  }
  /// number: of the faces before this one, -1 of others; before: the first face of the level before.
  void write_face(int64_t face, const std::vector<int64_t>& number, int64_t before) {
    add(kBof);
    add_box(faces_[static_cast<std::size_t>(face)]);
    add(vocabulary_.face_codes() + face);
    std::vector<std::pair<int64_t, int64_t>> records;  // number of the other face, edge
    for (const int64_t edge : edges_of_[static_cast<std::size_t>(face)]) {
      const int64_t earlier = number[static_cast<std::size_t>(other(edge, face))];
      if (earlier >= 0) records.emplace_back(earlier, edge);
    }
    std::stable_sort(records.begin(), records.end(), [&](const auto& a, const auto& b) {
      if (a.first != b.first) return a.first < b.first;
      return edges_[static_cast<std::size_t>(a.second)] < edges_[static_cast<std::size_t>(b.second)];
    });
    for (const auto& [earlier, edge] : records) {
      add(vocabulary_.references() + earlier - before);
      add_box(edges_[static_cast<std::size_t>(edge)]);
      add(vocabulary_.face_codes() + vocabulary_.max_face + edge);
    }
    add(kEof);
  }

  const io::BrepGraph& graph_;
  const BrepVocabulary& vocabulary_;
  std::vector<BoxBits> faces_, edges_;
  std::vector<std::vector<int64_t>> edges_of_;
  std::vector<int64_t> tokens_;
};

/// A place in a sequence that is read.
class SequenceReader {
 public:
  SequenceReader(const std::vector<int64_t>& tokens, const BrepVocabulary& vocabulary)
      : tokens_(tokens), vocabulary_(vocabulary) {}

  ParsedBrep read() {
    at_ = static_cast<std::size_t>(std::find(tokens_.begin(), tokens_.end(), kBoc) - tokens_.begin());
    expect(kBoc, "BOC");
    int64_t before = 0, first = 0;
    do {
      expect(kBol, "BOL");
      first = static_cast<int64_t>(parsed_.face_boxes.size());
      do read_face(before);
      while (!is(kEol));
      ++at_;
      before = first;
    } while (!is(kEoc));
    return std::move(parsed_);
  }

 private:
  int64_t peek() const { return at_ < tokens_.size() ? tokens_[at_] : -1; }
  bool is(int64_t token) const { return peek() == token; }
  [[noreturn]] void refuse(const std::string& expected) const {
    fail<DataError>("token {}: {}, expected {}", at_,
                    at_ < tokens_.size() ? std::to_string(peek()) : "the end", expected);
  }
  void expect(int64_t token, const char* name) {
    if (!is(token)) refuse(name);
    ++at_;
  }
  int64_t within(int64_t first, int64_t count, const char* name) {
    const int64_t value = peek() - first;
    if (at_ >= tokens_.size() || value < 0 || value >= count) refuse(name);
    ++at_;
    return value;
  }
  template <class Array>
  Array several(int64_t first, int64_t count, const char* name) {
    Array values;
    for (auto& value : values) value = within(first, count, name);
    return values;
  }
  BoxBits box() {
    return several<BoxBits>(vocabulary_.boxes(), vocabulary_.coordinates(), "a coordinate of a box");
  }

  /// before: number of the first face of the level before.
  void read_face(int64_t before) {
    expect(kBof, "BOF");
    const auto own = static_cast<int64_t>(parsed_.face_boxes.size());
    if (own >= vocabulary_.max_face) refuse(fmt::format("at most {} faces", vocabulary_.max_face));
    parsed_.face_boxes.push_back(box());
    parsed_.face_codes.push_back(several<std::array<int64_t, kFaceCodes>>(
        vocabulary_.face_codes(), vocabulary_.surf_codebook_size, "a code of a face"));
    while (!is(kEof)) {
      const bool dummy = is(kDummyReference);
      const auto earlier = dummy ? ++at_, int64_t{0}
      : before + within(vocabulary_.references(), vocabulary_.max_face, "a reference or EOF");
      if (!dummy && earlier >= own) {
        --at_;
        refuse("a reference to an earlier face");
      }
      const auto edge = box();
      const auto codes = several<std::array<int64_t, kEdgeCodes>>(
          vocabulary_.edge_codes(), vocabulary_.edge_codebook_size, "a code of an edge");
      if (dummy) continue;
      parsed_.edge_boxes.push_back(edge);
      parsed_.edge_codes.push_back(codes);
      parsed_.edge_faces.push_back({static_cast<int32_t>(earlier), static_cast<int32_t>(own)});
    }
    ++at_;
  }

  const std::vector<int64_t>& tokens_;
  const BrepVocabulary& vocabulary_;
  std::size_t at_ = 0;
  ParsedBrep parsed_;
};

}  // namespace

BoxBits quantised_box(const io::Box6& box, int64_t bit) {
  const auto most = static_cast<float>((int64_t{1} << bit) - 1);
  BoxBits bits;
  for (std::size_t i = 0; i < box.size(); ++i) {
    const float place = std::clamp((box[i] + 1.0F) * most / 2.0F, 0.0F, most);
    bits[i] = static_cast<int64_t>(std::nearbyint(place));
  }
  return bits;
}

io::Box6 opened_box(const BoxBits& bits, int64_t bit) {
  const auto most = static_cast<float>((int64_t{1} << bit) - 1);
  io::Box6 box;
  for (std::size_t i = 0; i < box.size(); ++i) box[i] = static_cast<float>(bits[i]) * 2.0F / most - 1.0F;
  return box;
}

int64_t complexity_of(int64_t faces) { return faces < 25 ? kEasy : faces < 50 ? kMid : kHard; }

std::vector<int64_t> brep_sequence(const io::BrepGraph& graph, const BrepVocabulary& vocabulary,
                                   int64_t complexity) {
  if (graph.faces() == 0 || graph.faces() > vocabulary.max_face)
    fail<DataError>("a solid of {} faces, expected 1 to {}", graph.faces(), vocabulary.max_face);
  return SequenceWriter(graph, vocabulary).write(complexity);
}

std::vector<int64_t> with_codes(const std::vector<int64_t>& sequence, const BrepVocabulary& vocabulary,
                                const std::vector<std::array<int64_t, kFaceCodes>>& faces,
                                const std::vector<std::array<int64_t, kEdgeCodes>>& edges) {
  const int64_t first_face = vocabulary.face_codes(), first_edge = first_face + vocabulary.max_face;
  std::vector<int64_t> tokens;
  for (const int64_t token : sequence) {
    if (token >= first_edge) {
      for (const int64_t code : edges.at(static_cast<std::size_t>(token - first_edge)))
        tokens.push_back(vocabulary.edge_codes() + code);
    } else if (token >= first_face) {
      for (const int64_t code : faces.at(static_cast<std::size_t>(token - first_face)))
        tokens.push_back(first_face + code);
    } else {
      tokens.push_back(token);
    }
  }
  return tokens;
}

ParsedBrep parse_brep(const std::vector<int64_t>& tokens, const BrepVocabulary& vocabulary) {
  return SequenceReader(tokens, vocabulary).read();
}

}  // namespace arzoo::shape3d
