#include "core/line_reader.h"

#include <streambuf>

namespace arzoo {

LineRead next_line(std::istream& in, std::string& line, std::size_t longest) {
  using Traits = std::istream::traits_type;
  line.clear();
  if (!in) return LineRead::end;
  auto& bytes = *in.rdbuf();
  std::size_t length = 0;
  for (;; ++length) {
    const auto next = bytes.sbumpc();
    if (Traits::eq_int_type(next, Traits::eof())) {
      in.setstate(std::ios::eofbit);
      if (length == 0) return LineRead::end;
      break;
    }
    if (Traits::to_char_type(next) == '\n') break;
    if (length < longest) line.push_back(Traits::to_char_type(next));
  }
  if (length <= longest) return LineRead::whole;
  line.clear();
  return LineRead::too_long;
}

}  // namespace arzoo
