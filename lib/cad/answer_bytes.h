#pragma once

#include <array>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/step_plugin.h"

/// What a child process answers (child_process.h), as bytes and back. `fields` names what a type consists of,
/// for both directions.
namespace arzoo::cad {

template <class Archive>
void fields(Archive& archive, io::CadSummary& s) {
  archive(s.solids, s.shells, s.faces, s.edges, s.vertices, s.surfaces, s.closed, s.valid, s.volume, s.area,
          s.low, s.high);
}

template <class Archive>
void fields(Archive& archive, io::BrepGraph& g) {
  archive(g.side, g.face_points, g.edge_points, g.face_boxes, g.edge_boxes, g.edge_faces, g.surfaces);
}

template <class Archive>
void fields(Archive& archive, io::CadSolids& s) {
  archive(s.solids, s.refused);
}

template <class Archive>
void fields(Archive& archive, io::BuiltSolid& s) {
  archive(s.sewn, s.closed, s.valid, s.volume, s.mesh.vertices, s.mesh.triangles, s.step);
}

template <class Archive, class A, class B>
void fields(Archive& archive, std::pair<A, B>& pair) {
  archive(pair.first, pair.second);
}

/// Takes a value apart: its lists and bytes are Own's business.
template <class Own>
class AnswerArchive {
 public:
  template <class... T>
  void operator()(T&... values) {
    (one(values), ...);
  }

 protected:
  void one(std::string& text) { own().list(text); }
  template <class T>
  void one(std::vector<T>& values) {
    own().list(values);
  }
  template <class T>
  void one(T& value) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      own().raw(&value, sizeof(value));
    } else {
      fields(own(), value);
    }
  }

 private:
  Own& own() { return static_cast<Own&>(*this); }
};

class AnswerWriter : public AnswerArchive<AnswerWriter> {
  friend class AnswerArchive<AnswerWriter>;

 public:
  explicit AnswerWriter(std::string& bytes) : bytes_(bytes) {}

 private:
  void raw(const void* data, std::size_t size) { bytes_.append(static_cast<const char*>(data), size); }
  template <class List>
  void list(List& values) {
    const uint64_t count = values.size();
    raw(&count, sizeof(count));
    if constexpr (std::is_trivially_copyable_v<typename List::value_type>) {
      if (count > 0) raw(values.data(), count * sizeof(values[0]));
    } else {
      for (auto& value : values) one(value);
    }
  }
  std::string& bytes_;
};

/// Of bytes that end early the rest stays as it was, and is_whole() is false.
class AnswerReader : public AnswerArchive<AnswerReader> {
  friend class AnswerArchive<AnswerReader>;

 public:
  explicit AnswerReader(const std::string& bytes) : bytes_(bytes) {}
  bool is_whole() const { return whole_ && at_ == bytes_.size(); }

 private:
  void raw(void* data, std::size_t size) {
    whole_ = whole_ && size <= bytes_.size() - at_;
    if (!whole_ || size == 0) return;
    std::memcpy(data, bytes_.data() + at_, size);
    at_ += size;
  }
  template <class List>
  void list(List& values) {
    using Value = typename List::value_type;
    constexpr bool kPlain = std::is_trivially_copyable_v<Value>;
    uint64_t count = 0;
    raw(&count, sizeof(count));
    whole_ = whole_ && count <= (bytes_.size() - at_) / (kPlain ? sizeof(Value) : 1);
    if (!whole_) return;
    values.resize(count);
    if constexpr (kPlain) {
      if (count > 0) raw(values.data(), count * sizeof(Value));
    } else {
      for (auto& value : values) one(value);
    }
  }
  const std::string& bytes_;
  std::size_t at_ = 0;
  bool whole_ = true;
};

}  // namespace arzoo::cad
