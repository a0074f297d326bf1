#include "io/unigram_parts.h"

#include <algorithm>

#include "core/utf8.h"
#include "io/base64.h"
#include "io/unicode.h"

namespace arzoo::io {
namespace {

bool flag_in(const Config& part, std::string_view key, bool otherwise) {
  if (is_given(part, key)) part.at(key).read(otherwise, {});
  return otherwise;
}

/// Each run of two spaces or more as one `content`.
std::string without_runs(const std::string& text, const std::string& content) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find_first_not_of(' ', at), text.size());
    if (end == at) {
      out.push_back(text[at++]);
      continue;
    }
    out += end - at == 1 ? std::string(" ") : content;
    at = end;
  }
  return out;
}

/// The length of the white space at text[at]; 0 for none.
std::size_t space_at(std::string_view text, std::size_t at) {
  const auto length = utf8_length(text, at);
  return length > 0 && unicode::is_space(code_point(text, at, length)) ? length : 0;
}

std::string stripped(std::string text, bool left, bool right) {
  std::size_t begin = 0;
  while (left && begin < text.size() && space_at(text, begin) > 0) begin += space_at(text, begin);
  text.erase(0, begin);
  std::size_t end = text.size();
  while (right && end > 0) {
    auto last = end - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0U) == 0x80U) --last;
    if (last + space_at(text, last) != end) break;
    end = last;
  }
  text.resize(end);
  return text;
}

void read_replace(const Config& part, UnigramParts& parts) {
  const auto pattern = part.at("pattern");
  const auto content = part.text("content");
  const bool runs = pattern.has("Regex") && pattern.text("Regex") == " {2,}";
  if (!runs || (content != " " && content != kSpaceMark))
    part.reject("is not supported, expected the pattern \" {2,}\" replaced by \" \" or U+2581");
  parts.normalisers.emplace_back([content](const std::string& text) { return without_runs(text, content); });
}

void read_unigram_normaliser(const Config& part, UnigramParts& parts) {
  const auto type = part.text("type");
  if (type == "Sequence") {
    for (const auto& own : part.at("normalizers").elements()) read_unigram_normaliser(own, parts);
  } else if (type == "Precompiled") {
    const auto blob = part.at("precompiled_charsmap");
    if (blob.json().is_null()) return;
    const auto bytes = base64_bytes(blob.text());
    if (!bytes) blob.reject("is no base64");
    auto rules = std::make_shared<SentencePieceNormaliser>();
    rules->set_rules(*bytes, part.name());
    parts.normalisers.emplace_back(
        [rules](const std::string& text) { return rules->rewritten_by_cluster(text); });
  } else if (type == "Strip") {
    const bool left = flag_in(part, "strip_left", true), right = flag_in(part, "strip_right", true);
    parts.normalisers.emplace_back(
        [left, right](std::string text) { return stripped(std::move(text), left, right); });
  } else if (type == "NFC") {
    parts.normalisers.emplace_back([](const std::string& text) { return unicode::nfc(text); });
  } else if (type == "Replace") {
    read_replace(part, parts);
  } else {
    part.at("type").reject(fmt::format(
        "\"{}\" is not supported for a Unigram, expected Precompiled, Strip, NFC, Replace or Sequence (a "
        "tokenizer.model beside it can be read)",
        type));
  }
}

UnigramParts::Prepend prepend_of(const Config& part) {
  using Prepend = UnigramParts::Prepend;
  if (!is_given(part, "prepend_scheme"))
    return flag_in(part, "add_prefix_space", true) ? Prepend::always : Prepend::never;
  const auto scheme = part.text("prepend_scheme");
  if (scheme == "always") return Prepend::always;
  if (scheme == "first") return Prepend::first;
  if (scheme == "never") return Prepend::never;
  part.at("prepend_scheme").reject("is not supported, expected \"always\", \"first\" or \"never\"");
}

void read_unigram_pre_tokenizer(const Config& part, UnigramParts& parts) {
  const auto type = part.text("type");
  if (type == "Sequence") {
    for (const auto& own : part.at("pretokenizers").elements()) read_unigram_pre_tokenizer(own, parts);
  } else if (type == "WhitespaceSplit") {
    if (parts.marks_spaces) part.reject("behind Metaspace is not supported");
    parts.splits_white_space = true;
  } else if (type == "Metaspace") {
    if (part.has("replacement") && part.text("replacement") != kSpaceMark)
      part.at("replacement").reject("is not supported, expected U+2581");
    parts.marks_spaces = true;
    parts.splits_marks = flag_in(part, "split", true);
    parts.prepend = prepend_of(part);
  } else {
    part.at("type").reject(fmt::format(
        "\"{}\" is not supported for a Unigram, expected Metaspace, WhitespaceSplit or Sequence", type));
  }
}

}  // namespace

UnigramParts UnigramParts::of(const Config& file) {
  UnigramParts parts;
  if (is_given(file, "normalizer")) read_unigram_normaliser(file.at("normalizer"), parts);
  if (is_given(file, "pre_tokenizer")) read_unigram_pre_tokenizer(file.at("pre_tokenizer"), parts);
  parts.added = added_tokens(file);
  if (is_given(file, "post_processor")) parts.prefix = prefix_tokens(file.at("post_processor"), parts.added);
  return parts;
}

void UnigramParts::each_word(std::string_view part, bool first,
                             const std::function<void(std::string_view word)>& use) const {
  std::string text(part);
  for (const auto& normaliser : normalisers) text = normaliser(std::move(text));
  const auto marked = [&](std::string_view word, bool begins) {
    if (!marks_spaces) return use(word);
    std::string own;
    for (const char byte : word) {
      if (byte == ' ') {
        own += kSpaceMark;
      } else {
        own.push_back(byte);
      }
    }
    const bool wanted = prepend == Prepend::always || (prepend == Prepend::first && begins);
    if (wanted && !own.starts_with(kSpaceMark)) own.insert(0, kSpaceMark);
    if (!splits_marks) return use(own);
    for (std::size_t at = 0; at < own.size();) {
      const auto end = std::min(own.find(kSpaceMark, at + 1), own.size());
      use(std::string_view(own).substr(at, end - at));
      at = end;
    }
  };
  if (!splits_white_space) return text.empty() ? void() : marked(text, first);
  for (std::size_t at = 0, begin = 0; at <= text.size();) {
    const auto space = at < text.size() ? space_at(text, at) : 1;
    if (space > 0 && at > begin)
      marked(std::string_view(text).substr(begin, at - begin), first && begin == 0);
    at += space > 0 ? space : std::max<std::size_t>(1, utf8_length(text, at));
    if (space > 0) begin = at;
  }
}

}  // namespace arzoo::io
