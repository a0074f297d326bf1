#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What tokenizers ask of Unicode: the classes that their patterns name, and normalisation form C (UAX 15).
namespace arzoo::io::unicode {

bool is_letter(char32_t code);       ///< \p{L}
bool is_number(char32_t code);       ///< \p{N}
bool is_space(char32_t code);        ///< \s: White_Space
bool is_mark(char32_t code);         ///< \p{Mn}: accents and other marks that take no place of their own
bool is_punctuation(char32_t code);  ///< \p{P}
bool is_control(char32_t code);      ///< \p{C}: control and format characters, and codes without a character
char32_t lower_case(char32_t code);  ///< of a capital letter; any other code itself

/// Appends the code point in UTF-8.
void append_utf8(std::string& text, char32_t code);
/// The text in normalisation form C; bytes that are no UTF-8 stay as they are.
std::string nfc(std::string_view text);
/// The text in normalisation form D without its marks (is_mark); bytes that are no UTF-8 stay as they are.
std::string without_marks(std::string_view text);
/// Each byte that is part of no UTF-8 sequence becomes U+FFFD: one for each longest beginning of a sequence,
/// as the Unicode Standard recommends (Sec. 3.9), or one for each byte.
enum class Replacement { per_beginning, per_byte };
std::string valid_utf8(std::string_view bytes, Replacement how);
/// Bytes at the end of `bytes` that begin a UTF-8 sequence and do not end it: a stream holds them back.
std::size_t unfinished_bytes(std::string_view bytes);

struct Range {
  char32_t first, last;
};
struct CombiningRange {
  char32_t first, last;
  unsigned char combining_class;
};
struct Decomposition {
  char32_t code, first, second;  ///< second: 0 where there is none
};
struct LowerCase {
  char32_t code, lower;
};
extern const Range kLetters[], kNumbers[], kMarks[], kPunctuation[], kControls[];
extern const std::size_t kLettersCount, kNumbersCount, kMarksCount, kPunctuationCount, kControlsCount;
extern const LowerCase kLowerCases[];
extern const std::size_t kLowerCasesCount;
extern const CombiningRange kCombining[];
extern const std::size_t kCombiningCount;
extern const Decomposition kDecompositions[];
extern const std::size_t kDecompositionsCount;
extern const char32_t kNeverComposed[];
extern const std::size_t kNeverComposedCount;

}  // namespace arzoo::io::unicode
