#include "io/formula_text.h"

#include "io/cell_number.h"

namespace arzoo::io {

bool is_formula(std::string_view text) {
  return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos &&
         read_number(text).kind != CellKind::number;
}

}  // namespace arzoo::io
