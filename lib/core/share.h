#pragma once

#include <cstdint>

namespace arzoo {

/// One of several equal parts of a job that are worked on apart. Items are dealt out in order, in parts whose
/// sizes differ by one at most: the parts one after the other are all the items.
struct Share {
  int64_t index = 0;
  int64_t count = 1;

  /// The first of `items` items that is in this part.
  int64_t first(int64_t items) const { return begin_of(items, index); }
  /// How many of them are.
  int64_t size(int64_t items) const { return begin_of(items, index + 1) - begin_of(items, index); }
  bool is_all() const { return count == 1; }
  /// Whether this part has what stands at `place`, between 0 and 1, of a sequence whose length is not known
  /// yet.
  bool has(double place) const { return static_cast<int64_t>(place * static_cast<double>(count)) == index; }

 private:
  int64_t begin_of(int64_t items, int64_t part) const {
    return items / count * part + items % count * part / count;
  }
};

}  // namespace arzoo
