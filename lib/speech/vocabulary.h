#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace arzoo::speech {

/// The tokens of a recogniser and how texts are made of them. No torch in here.
class Vocabulary {
 public:
  /// How a text is split: into its words, or into its characters without spaces.
  enum class Units { words, characters };
  Vocabulary(std::vector<std::string> tokens, Units units);
  /// tokens.json, a list of texts, or tokens.txt, one a line. Throws CheckpointError.
  static Vocabulary open(const std::filesystem::path& path, Units units);
  void save(const std::filesystem::path& path) const;

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  const std::string& token(int64_t id) const { return tokens_.at(static_cast<std::size_t>(id)); }
  Units units() const { return units_; }
  /// Ids of a label; -1 for what is no token.
  std::vector<int64_t> encode(std::string_view text) const;
  /// FunASR's rule: Chinese characters side by side, Latin pieces joined at "@@", words apart, a run of
  /// single letters as one upper-case word; <s>, </s> and <unk> dropped.
  std::string text_of(const std::vector<int64_t>& ids) const;

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int64_t> ids_;
  Units units_;
};

/// The units of a text, in order.
std::vector<std::string> split_units(std::string_view text, Vocabulary::Units units);

/// The rule of Vocabulary::text_of alone.
std::string joined_text(const std::vector<std::string>& tokens);

}  // namespace arzoo::speech
