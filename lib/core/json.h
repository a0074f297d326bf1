#pragma once

#include <algorithm>
#include <compare>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "core/json_fwd.h"

namespace arzoo {

/// The object type of Json: members in the order in which they were added, as in nlohmann::ordered_json,
/// whose lookup is linear and whose growth copies all members. Members never move, and past `kScanned` of
/// them an index of their keys takes over: a tree, because a file's author could choose keys that collide in
/// a hash.
template <class Key, class Value, class IgnoredLess, class Allocator>
class JsonObject {
 public:
  using key_type = Key;
  using mapped_type = Value;
  using value_type = std::pair<const Key, Value>;
  using Members = std::list<value_type, Allocator>;
  using iterator = typename Members::iterator;
  using const_iterator = typename Members::const_iterator;
  using size_type = typename Members::size_type;
  using key_compare = std::less<>;

  JsonObject() = default;
  template <class Iterator>
  JsonObject(Iterator first, Iterator last) {
    insert(first, last);
  }
  JsonObject(const JsonObject& other) : JsonObject(other.begin(), other.end()) {}
  JsonObject(JsonObject&&) noexcept = default;
  JsonObject& operator=(JsonObject other) noexcept {
    members_.swap(other.members_);
    index_.swap(other.index_);
    return *this;
  }
  ~JsonObject() = default;

  iterator begin() noexcept { return members_.begin(); }
  iterator end() noexcept { return members_.end(); }
  const_iterator begin() const noexcept { return members_.begin(); }
  const_iterator end() const noexcept { return members_.end(); }
  const_iterator cbegin() const noexcept { return members_.cbegin(); }
  const_iterator cend() const noexcept { return members_.cend(); }
  bool empty() const noexcept { return members_.empty(); }
  size_type size() const noexcept { return members_.size(); }
  size_type max_size() const noexcept { return members_.max_size(); }

  iterator find(std::string_view key) { return locate(members_, key); }
  const_iterator find(std::string_view key) const { return locate(members_, key); }
  size_type count(std::string_view key) const { return find(key) == end() ? 0 : 1; }

  /// Nothing changes when the key is there already.
  template <class AnyKey, class... Parts>
  std::pair<iterator, bool> emplace(AnyKey&& key, Parts&&... parts) {
    if (const auto there = find(std::string_view(key)); there != end()) return {there, false};
    members_.emplace_back(std::forward<AnyKey>(key), std::forward<Parts>(parts)...);
    const auto added = std::prev(members_.end());
    if (index_ != nullptr) {
      index_->emplace(added->first, added);
    } else if (members_.size() > kScanned) {
      index_ = std::make_unique<Index>();
      for (auto member = members_.begin(); member != members_.end(); ++member)
        index_->emplace(member->first, member);
    }
    return {added, true};
  }
  std::pair<iterator, bool> insert(const value_type& member) { return emplace(member.first, member.second); }
  std::pair<iterator, bool> insert(value_type&& member) {
    return emplace(member.first, std::move(member.second));
  }
  template <class Iterator>
  void insert(Iterator first, Iterator last) {
    for (; first != last; ++first) insert(*first);
  }
  template <class AnyKey>
  Value& operator[](AnyKey&& key) {
    return emplace(std::forward<AnyKey>(key), nullptr).first->second;
  }

  iterator erase(iterator member) {
    if (index_ != nullptr) index_->erase(member->first);
    return members_.erase(member);
  }
  iterator erase(iterator first, iterator last) {
    while (first != last) first = erase(first);
    return first;
  }
  size_type erase(std::string_view key) {
    const auto member = find(key);
    if (member == end()) return 0;
    erase(member);
    return 1;
  }
  void clear() noexcept {
    index_.reset();
    members_.clear();
  }

  friend bool operator==(const JsonObject& a, const JsonObject& b) { return a.members_ == b.members_; }
  friend auto operator<=>(const JsonObject& a, const JsonObject& b) { return a.members_ <=> b.members_; }

 private:
  using Index = std::map<std::string_view, iterator, std::less<>>;
  static constexpr size_type kScanned = 16;

  template <class Those>
  auto locate(Those& members, std::string_view key) const -> decltype(members.begin()) {
    if (index_ == nullptr) {
      return std::find_if(members.begin(), members.end(),
                          [key](const value_type& member) { return member.first == key; });
    }
    const auto found = index_->find(key);
    return found == index_->end() ? members.end() : decltype(members.begin())(found->second);
  }

  Members members_;
  std::unique_ptr<Index> index_;  ///< of an object with more than kScanned members
};

/// The one way in which JSON is written: with `indent` spaces a level, or on one line. Bytes that are not
/// UTF-8 (of a path, of --set) become U+FFFD, so writing never fails.
std::string dump_json(const Json& value, int indent = -1);
/// The same in ASCII, for files whose texts have another encoding: \u00e9.
std::string dump_ascii_json(const Json& value);

}  // namespace arzoo
