#include "io/tokenizer_parts.h"

#include <charconv>

#include "io/unicode.h"

namespace arzoo::io {
namespace {

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kBeforeNumber = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})";
constexpr std::string_view kBehindNumber = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

bool flag(const Config& part, std::string_view key, bool otherwise) {
  if (!is_given(part, key)) return otherwise;
  bool value = otherwise;
  part.at(key).read(value, {});
  return value;
}

/// Throws unless the flag is what the reader does.
void require_flag(const Config& part, std::string_view key, bool only) {
  if (flag(part, key, only) != only) part.at(key).reject(fmt::format("is not supported, expected {}", only));
}

[[noreturn]] void refuse_type(const Config& part, std::string_view expected) {
  part.at("type").reject(fmt::format("\"{}\" is not supported, expected {}", part.text("type"), expected));
}

void read_normaliser(const Config& part, TokenizerParts& parts) {
  const auto type = part.text("type");
  if (type == "Sequence") {
    for (const auto& own : part.at("normalizers").elements()) read_normaliser(own, parts);
  } else if (type == "NFC") {
    parts.nfc = true;
  } else if (type == "Prepend") {
    parts.prepend = part.text("prepend");
  } else if (type == "Replace") {
    const auto pattern = part.at("pattern");
    if (!pattern.has("String") || pattern.text("String") != " " || part.text("content") != kSpaceMark)
      part.reject("is not supported, expected \" \" replaced by U+2581");
    parts.escapes_spaces = true;
  } else {
    refuse_type(part, "NFC, Prepend, Replace or Sequence");
  }
}

PreTokenizer pattern_of(const Config& regex) {
  const auto text = regex.text();
  if (text == kGpt2) return {.pattern = PreTokenizer::Pattern::gpt2};
  const auto middle = [&](std::string_view count) {
    return text == std::string(kBeforeNumber) + std::string(count) + std::string(kBehindNumber);
  };
  if (middle("{1,3}")) return {.pattern = PreTokenizer::Pattern::llama3, .digits = 3};
  if (middle("")) return {.pattern = PreTokenizer::Pattern::llama3, .digits = 1};
  regex.reject("the pattern of no tokenizer that is known (expected GPT-2's, LLaMA 3's or Qwen2's)");
}

void read_pre_tokenizer(const Config& part, TokenizerParts& parts, bool& byte_level) {
  const auto type = part.text("type");
  auto& own = parts.pre_tokenizer;
  if (type == "Sequence") {
    for (const auto& one : part.at("pretokenizers").elements()) read_pre_tokenizer(one, parts, byte_level);
  } else if (type == "ByteLevel") {
    byte_level = true;
    parts.add_prefix_space = flag(part, "add_prefix_space", false);
    if (flag(part, "use_regex", true)) {
      if (own.pattern != PreTokenizer::Pattern::none)
        part.reject("a second pattern behind the first is not supported, expected use_regex false");
      own.pattern = PreTokenizer::Pattern::gpt2;
    }
  } else if (type == "Split") {
    require_flag(part, "invert", false);
    if (part.has("behavior") && part.text("behavior") != "Isolated")
      part.at("behavior").reject("is not supported, expected \"Isolated\"");
    const bool digits = own.single_digits;
    own = pattern_of(part.at("pattern").at("Regex"));
    own.single_digits = digits;
  } else if (type == "Digits") {
    if (!flag(part, "individual_digits", false)) part.reject("is not supported without individual_digits");
    own.single_digits = true;
  } else {
    refuse_type(part, "ByteLevel, Split, Digits or Sequence (a tokenizer.model beside it can be read)");
  }
}

void check_model(const Config& model) {
  const auto type = model.has("type") ? model.text("type") : "BPE";
  if (type != "BPE") refuse_type(model, "\"BPE\", \"Unigram\" or \"WordPiece\"");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (is_given(model, key) && model.text(key) != "")
      model.at(key).reject("is not supported, expected none");
  }
}

}  // namespace

std::vector<int64_t> prefix_tokens(const Config& part, const std::vector<AddedToken>& added) {
  const auto type = part.text("type");
  if (type == "ByteLevel") return {};
  if (type == "Sequence") {
    for (const auto& one : part.at("processors").elements()) {
      if (auto prefix = prefix_tokens(one, added); !prefix.empty()) return prefix;
    }
    return {};
  }
  if (type == "BertProcessing") {
    std::vector<int64_t> prefix(1);
    part.at("cls").element(1).read(prefix[0], between(0, (1 << 24) - 1));
    return prefix;
  }
  if (type != "TemplateProcessing")
    refuse_type(part, "ByteLevel, BertProcessing, TemplateProcessing or Sequence");
  std::vector<int64_t> prefix;
  for (const auto& one : part.at("single").elements()) {
    if (!one.has("SpecialToken")) break;
    const auto name = one.at("SpecialToken").text("id");
    for (const auto& token : added) {
      if (token.content == name) prefix.push_back(token.id);
    }
  }
  return prefix;
}

std::vector<AddedToken> added_tokens(const Config& file) {
  std::vector<AddedToken> added;
  if (!is_given(file, "added_tokens")) return added;
  for (const auto& entry : file.at("added_tokens").elements()) {
    for (const char* key : {"single_word", "lstrip", "rstrip"}) require_flag(entry, key, false);
    AddedToken token{.content = entry.text("content"),
                     .special = flag(entry, "special", false),
                     .normalised = flag(entry, "normalized", false)};
    entry.at("id").read(token.id, between(0, (1 << 24) - 1));
    if (token.content.empty()) entry.at("content").reject("is empty");
    added.push_back(std::move(token));
  }
  return added;
}

TokenizerParts TokenizerParts::of(const Config& file) {
  const auto model = file.at("model");
  check_model(model);
  TokenizerParts parts;
  parts.pre_tokenizer.pattern = PreTokenizer::Pattern::none;
  bool byte_level = false;
  parts.added = added_tokens(file);
  if (is_given(file, "normalizer")) read_normaliser(file.at("normalizer"), parts);
  if (is_given(file, "pre_tokenizer")) read_pre_tokenizer(file.at("pre_tokenizer"), parts, byte_level);
  if (is_given(file, "post_processor")) parts.prefix = prefix_tokens(file.at("post_processor"), parts.added);
  parts.byte_level = byte_level;
  parts.strips_first_space = !byte_level && !parts.prepend.empty();
  parts.ignore_merges = flag(model, "ignore_merges", false);
  if (!byte_level && !flag(model, "byte_fallback", false))
    model.reject("neither byte-level nor with byte_fallback, which is not supported");
  return parts;
}

std::string TokenizerParts::normalised(std::string_view text) const {
  std::string own = nfc ? unicode::nfc(text) : std::string(text);
  if (!own.empty()) own.insert(0, prepend);
  if (!escapes_spaces) return own;
  std::string escaped;
  escaped.reserve(own.size());
  for (const char byte : own) {
    if (byte == ' ') {
      escaped += kSpaceMark;
    } else {
      escaped.push_back(byte);
    }
  }
  return escaped;
}

bool is_given(const Config& part, std::string_view key) {
  if (!part.has(key)) return false;
  const auto value = part.at(key);
  return !value.json().is_null();
}

std::string with_spaces(std::string_view name) {
  std::string text;
  for (std::size_t at = 0; at < name.size();) {
    if (name.substr(at).starts_with(kSpaceMark)) {
      text.push_back(' ');
      at += kSpaceMark.size();
    } else {
      text.push_back(name[at++]);
    }
  }
  return text;
}

std::optional<unsigned char> fallback_byte(std::string_view name) {
  if (name.size() != 6 || !name.starts_with("<0x") || name.back() != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(name.data() + 3, name.data() + 5, value, 16);
  if (error != std::errc() || end != name.data() + 5) return std::nullopt;
  return static_cast<unsigned char>(value);
}

}  // namespace arzoo::io
