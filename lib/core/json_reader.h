#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/file_budget.h"
#include "core/json.h"

/// The one reader of JSON. Whatever comes from outside (configs, checkpoints, logs, pictures' texts, lines of
/// a stream, flags) is read here, in linear time and within limits: a deep value alone would end the program,
/// for copying, writing and destroying it recurse.
namespace arzoo {

struct JsonLimits {
  std::size_t depth = 64;                              ///< objects and lists within one another
  std::size_t bytes = std::size_t{256} << 20;          ///< of the whole text
  std::size_t string_bytes = std::size_t{16} << 20;    ///< of one string or key
  std::size_t memory_floor = FileBudget::kFloor;       ///< bytes that the value may take in any case
  std::size_t memory_per_byte = FileBudget::kPerByte;  ///< and so many more for each byte of the text
};

/// Rows of numbers that are read without making a value of each, which takes several times their memory.
struct JsonRows {
  std::string key;    ///< of the outermost object's member that lists them
  std::size_t width;  ///< numbers in a row; of rows of one, the list may hold the numbers themselves
  std::vector<double> numbers = {};  ///< row by row
  bool found = false;                ///< the member is there and lists such rows only
};

/// Why a text was not read.
struct JsonFault {
  std::string message;    ///< "line 3, column 14: not valid JSON (…)"
  bool is_limit = false;  ///< JSON, but past a limit
};

/// The value of `text`, or why there is none: it is not strict JSON (RFC 8259, UTF-8), gives a key twice in
/// one object, holds a number larger than any double, or exceeds a limit. The member that `rows` asks for is
/// null in the value when it is found, and stands in it like any other when it is something else.
std::variant<Json, JsonFault> parse_json(std::string_view text, const JsonLimits& limits = {},
                                         JsonRows* rows = nullptr);

/// The value of `text`, or nothing.
std::optional<Json> try_read_json(std::string_view text, const JsonLimits& limits = {});

/// The value of `text`. Throws Failure "where: line 3, column 14: what is wrong".
template <class Failure>
Json read_json(std::string_view text, std::string_view where, const JsonLimits& limits = {},
               JsonRows* rows = nullptr) {
  auto parsed = parse_json(text, limits, rows);
  if (const auto* fault = std::get_if<JsonFault>(&parsed)) fail<Failure>("{}: {}", where, fault->message);
  return std::get<Json>(std::move(parsed));
}

}  // namespace arzoo
