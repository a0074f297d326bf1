#include "shape3d/solids/brep_grammar.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>

namespace arzoo::shape3d {
namespace {

constexpr int64_t kRecord = 1 + kBoxTokens + kEdgeCodes;
constexpr int64_t kFaceStart = 1 + kBoxTokens + kFaceCodes;
constexpr int64_t kEnding = 4;  // EOF EOL EOC EOS

}  // namespace

BrepGrammar::BrepGrammar(const BrepVocabulary& vocabulary, int64_t most_tokens)
    : vocabulary_(vocabulary), most_(most_tokens) {
  if (most_tokens < kShortest) throw std::logic_error("a grammar without room for one face");
}

bool BrepGrammar::are_closed(int64_t first, int64_t last) const {
  for (int64_t face = first; face < last; ++face) {
    if (degrees_[static_cast<std::size_t>(face)] < 2) return false;
  }
  return true;
}

/// Of these coordinates [low, high) of an edge those that lie within both of its faces; all of them if none
/// does. Samples of curved faces may miss their extremes a little.
std::pair<int64_t, int64_t> BrepGrammar::between_faces(int64_t low, int64_t high) const {
  const std::size_t axis = box_.size() % 3;
  const int64_t slack = 1 + vocabulary_.coordinates() / 256;
  const auto &named = faces_read_[static_cast<std::size_t>(before_ + reference_)], &own = faces_read_.back();
  const int64_t least = std::max(low, std::max(named[axis], own[axis]) - slack),
                end = std::min(high, std::min(named[axis + 3], own[axis + 3]) + slack + 1);
  return least < end ? std::pair{least, end} : std::pair{low, high};
}

/// A coordinate of the box that is being read: of a maximum not below its minimum, and of the last one above
/// it where the others make a point.
std::pair<int64_t, int64_t> BrepGrammar::coordinates() const {
  const auto place = box_.size();
  const int64_t top = vocabulary_.coordinates();
  int64_t low = 0, high = top;
  const bool of_face = state_ == State::face_box;
  const auto& previous = of_face && orders_ ? faces_read_.back() : last_edge_;
  const bool tight = orders_ && std::equal(box_.begin(), box_.end(), previous.begin());
  if (tight) low = previous[place];
  const auto at_top = [&](std::size_t axis) { return box_[axis] == top - 1; };
  if (place >= 3) low = std::max(low, box_[place - 3]);
  // Some extent must be left to grow.
  const bool flat_x = place > 3 && box_[3] == box_[0], flat_y = place > 4 && box_[4] == box_[1];
  if (place == 2 && at_top(0) && at_top(1)) high = top - 1;
  if (place == 3 && at_top(1) && at_top(2)) low = std::max(low, box_[0] + 1);
  if (place == 4 && flat_x && at_top(2)) low = std::max(low, box_[1] + 1);
  if (place == 5 && flat_x && flat_y) low = std::max(low, box_[2] + 1);
  if (!of_face) std::tie(low, high) = between_faces(low, high);
  return {vocabulary_.boxes() + low, vocabulary_.boxes() + high};
}

/// Of the face that is being read: the first of its records names the level before, the others do not go
/// back.
std::pair<int64_t, int64_t> BrepGrammar::references() const {
  const int64_t own = faces() - 1 - before_, first = vocabulary_.references();
  const int64_t before = level_ - before_;
  return records_ == 0 ? std::pair{first, first + before} : std::pair{first + reference_, first + own};
}

std::vector<std::pair<int64_t, int64_t>> BrepGrammar::allowed() const {
  const auto one = [](int64_t token) { return std::pair{token, token + 1}; };
  const int64_t codes = vocabulary_.face_codes(), edge_codes = vocabulary_.edge_codes();
  switch (state_) {
    case State::level: {
      if (levels_ == 0) return {one(kBol)};
      const bool room = faces() < vocabulary_.max_face && left() >= 1 + kFaceStart + kRecord + kEnding;
      if (!room) return {one(kEoc)};
      if (!are_closed(level_, faces())) return {one(kBol)};
      return {one(kEoc), one(kBol)};
    }
    case State::face: {
      const bool first = faces() == level_;
      if (first) return {one(kBof)};
      const bool room =
          levels_ > 1 && faces() < vocabulary_.max_face && left() >= kFaceStart + kRecord + kEnding;
      if (!room) return {one(kEol)};
      if (!are_closed(before_, level_)) return {one(kBof)};
      return {one(kEol), one(kBof)};
    }
    case State::face_box:
    case State::edge_box:
      return {coordinates()};
    case State::face_code:
      return {{codes, edge_codes}};
    case State::edge_code:
      return {{edge_codes, vocabulary_.size()}};
    case State::record: {
      if (levels_ == 1) return {one(kEof)};
      if (records_ == 0) return {references()};
      if (left() < kRecord + kEnding) return {one(kEof)};
      return {one(kEof), references()};
    }
    case State::closed:
      return {one(kEos)};
    case State::ended:
      return {one(kEos)};
  }
  return {};
}

void BrepGrammar::read(int64_t token) {
  const auto ranges = allowed();
  if (std::none_of(ranges.begin(), ranges.end(),
                   [token](const auto& range) { return token >= range.first && token < range.second; }))
    throw std::logic_error("a token that the grammar does not allow");
  if (ended()) return;
  ++used_;
  switch (state_) {
    case State::level:
      state_ = token == kBol ? State::face : State::closed;
      if (token == kBol) {
        before_ = level_;
        level_ = faces();
        ++levels_;
      }
      break;
    case State::face:
      if (token == kEol) {
        state_ = State::level;
        break;
      }
      orders_ = faces() > level_;
      degrees_.push_back(0);
      box_.clear();
      records_ = reference_ = 0;
      state_ = State::face_box;
      break;
    case State::face_box:
    case State::edge_box:
      box_.push_back(token - vocabulary_.boxes());
      if (box_.size() < kBoxTokens) break;
      std::copy(box_.begin(), box_.end(), last_edge_.begin());
      if (state_ == State::face_box) faces_read_.push_back(last_edge_);
      state_ = state_ == State::face_box ? State::face_code : State::edge_code;
      codes_ = 0;
      break;
    case State::face_code:
      if (++codes_ == kFaceCodes) state_ = State::record;
      break;
    case State::record: {
      if (token == kEof) {
        state_ = State::face;
        break;
      }
      const int64_t named = token - vocabulary_.references();
      orders_ = records_ > 0 && named == reference_;
      reference_ = named;
      ++records_;
      ++degrees_[static_cast<std::size_t>(before_ + named)];
      ++degrees_.back();
      box_.clear();
      state_ = State::edge_box;
      break;
    }
    case State::edge_code:
      if (++codes_ == kEdgeCodes) state_ = State::record;
      break;
    case State::closed:
      state_ = State::ended;
      break;
    case State::ended:
      break;
  }
}

}  // namespace arzoo::shape3d
