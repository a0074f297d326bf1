#include "io/unicode.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/utf8.h"

namespace arzoo::io::unicode {
namespace {

template <class Entry>
const Entry* find_range(const Entry* table, std::size_t count, char32_t code) {
  const auto* const end = table + count;
  const auto* const found = std::partition_point(table, end, [&](const Entry& e) { return e.last < code; });
  return found != end && found->first <= code ? found : nullptr;
}

int combining_class(char32_t code) {
  const auto* const range = find_range(kCombining, kCombiningCount, code);
  return range == nullptr ? 0 : range->combining_class;
}

// Hangul syllables are composed by arithmetic (Unicode Standard, Sec. 3.12).
constexpr char32_t kSyllables = 0xAC00, kLead = 0x1100, kVowel = 0x1161, kTrail = 0x11A7;
constexpr char32_t kLeads = 19, kVowels = 21, kTrails = 28, kSyllableCount = kLeads * kVowels * kTrails;

void decompose(char32_t code, std::vector<char32_t>& out) {
  if (code - kSyllables < kSyllableCount) {
    const char32_t index = code - kSyllables;
    out.push_back(kLead + index / (kVowels * kTrails));
    out.push_back(kVowel + index / kTrails % kVowels);
    if (index % kTrails != 0) out.push_back(kTrail + index % kTrails);
    return;
  }
  const auto* const end = kDecompositions + kDecompositionsCount;
  const auto* const found =
      std::partition_point(kDecompositions, end, [&](const Decomposition& d) { return d.code < code; });
  if (found == end || found->code != code) {
    out.push_back(code);
    return;
  }
  decompose(found->first, out);
  if (found->second != 0) decompose(found->second, out);
}

const std::unordered_map<uint64_t, char32_t>& compositions() {
  static const auto table = [] {
    std::unordered_map<uint64_t, char32_t> pairs;
    for (std::size_t i = 0; i < kDecompositionsCount; ++i) {
      const auto& [code, first, second] = kDecompositions[i];
      if (second == 0 || std::binary_search(kNeverComposed, kNeverComposed + kNeverComposedCount, code))
        continue;
      pairs[uint64_t{first} << 32U | second] = code;
    }
    return pairs;
  }();
  return table;
}

/// 0 where the two do not compose.
char32_t composed(char32_t first, char32_t second) {
  if (first - kLead < kLeads && second - kVowel < kVowels)
    return kSyllables + ((first - kLead) * kVowels + (second - kVowel)) * kTrails;
  const bool open = first - kSyllables < kSyllableCount && (first - kSyllables) % kTrails == 0;
  if (open && second > kTrail && second < kTrail + kTrails) return first + (second - kTrail);
  const auto found = compositions().find(uint64_t{first} << 32U | second);
  return found == compositions().end() ? 0 : found->second;
}

/// Combining marks of a run in the order of their classes.
void sort_marks(std::vector<char32_t>& codes) {
  for (auto at = codes.begin(); at != codes.end();) {
    if (combining_class(*at) == 0) {
      ++at;
      continue;
    }
    const auto end = std::find_if(at, codes.end(), [](char32_t c) { return combining_class(c) == 0; });
    std::stable_sort(at, end, [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    at = end;
  }
}

std::vector<char32_t> recomposed(const std::vector<char32_t>& codes) {
  std::vector<char32_t> out;
  std::size_t starter = 0;
  bool has_starter = false;
  int last_class = -1;  // of what stands between the starter and here; -1: nothing
  for (const char32_t code : codes) {
    const int own = combining_class(code);
    const bool blocked = last_class >= own;
    const char32_t whole = has_starter && !blocked ? composed(out[starter], code) : 0;
    if (whole != 0) {
      out[starter] = whole;
      continue;
    }
    if (own == 0) {
      starter = out.size();
      has_starter = true;
    }
    last_class = own == 0 ? -1 : own;
    out.push_back(code);
  }
  return out;
}

void append_nfc(std::string& text, const std::vector<char32_t>& codes) {
  std::vector<char32_t> decomposed;
  for (const char32_t code : codes) decompose(code, decomposed);
  sort_marks(decomposed);
  for (const char32_t code : recomposed(decomposed)) append_utf8(text, code);
}

/// Of the longest beginning of a sequence at `at`, at least 1.
std::size_t beginning_length(std::string_view bytes, std::size_t at) {
  // A beginning is one that some continuation completes.
  for (std::size_t length = 3; length > 1; --length) {
    if (at + length > bytes.size()) continue;
    for (const char next : {'\x80', '\xA0', '\x90', '\xBF'}) {
      std::string whole(bytes.substr(at, length));
      whole.push_back(next);
      if (utf8_length(whole, 0) == whole.size()) return length;
      whole.push_back('\x80');
      if (utf8_length(whole, 0) == whole.size()) return length;
    }
  }
  return 1;
}

}  // namespace

bool is_letter(char32_t code) { return find_range(kLetters, kLettersCount, code) != nullptr; }
bool is_number(char32_t code) { return find_range(kNumbers, kNumbersCount, code) != nullptr; }

bool is_mark(char32_t code) { return find_range(kMarks, kMarksCount, code) != nullptr; }
bool is_punctuation(char32_t code) { return find_range(kPunctuation, kPunctuationCount, code) != nullptr; }
bool is_control(char32_t code) { return find_range(kControls, kControlsCount, code) != nullptr; }

char32_t lower_case(char32_t code) {
  const auto* const end = kLowerCases + kLowerCasesCount;
  const auto* const found =
      std::partition_point(kLowerCases, end, [&](const LowerCase& entry) { return entry.code < code; });
  return found != end && found->code == code ? found->lower : code;
}

bool is_space(char32_t code) {
  return (code >= 0x9 && code <= 0xD) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
         code == 0x205F || code == 0x3000;
}

void append_utf8(std::string& text, char32_t code) {
  const auto push = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  const auto follow = [&](unsigned shift) { push(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | code >> 6);
    follow(0);
  } else if (code < 0x10000) {
    push(0xE0 | code >> 12);
    follow(6);
    follow(0);
  } else {
    push(0xF0 | code >> 18);
    follow(12);
    follow(6);
    follow(0);
  }
}

std::string nfc(std::string_view text) {
  constexpr char32_t kFirstAffected = 0x300;  // below, every text is its own form
  std::string out;
  out.reserve(text.size());
  std::vector<char32_t> run;
  bool affected = false;
  const auto flush = [&] {
    if (affected) {
      append_nfc(out, run);
    } else {
      for (const char32_t code : run) append_utf8(out, code);
    }
    run.clear();
    affected = false;
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) {
      flush();
      out.push_back(text[at++]);
      continue;
    }
    run.push_back(code_point(text, at, length));
    affected = affected || run.back() >= kFirstAffected;
    at += length;
  }
  flush();
  return out;
}

std::string without_marks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::vector<char32_t> parts;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) {
      out.push_back(text[at++]);
      continue;
    }
    parts.clear();
    decompose(code_point(text, at, length), parts);
    for (const char32_t part : parts) {
      if (!is_mark(part)) append_utf8(out, part);
    }
    at += length;
  }
  return out;
}

std::string valid_utf8(std::string_view bytes, Replacement how) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = utf8_length(bytes, at);
    if (length > 0) {
      out.append(bytes.substr(at, length));
      at += length;
    } else {
      append_utf8(out, 0xFFFD);
      at += how == Replacement::per_byte ? 1 : beginning_length(bytes, at);
    }
  }
  return out;
}

std::size_t unfinished_bytes(std::string_view bytes) {
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const auto at = bytes.size() - back;
    const auto byte = static_cast<unsigned char>(bytes[at]);
    if (byte < 0x80) return 0;
    if (byte < 0xC0) continue;
    return utf8_length(bytes, at) == 0 && beginning_length(bytes, at) == back && byte >= 0xC2 && byte <= 0xF4
               ? back
               : 0;
  }
  return 0;
}

}  // namespace arzoo::io::unicode
