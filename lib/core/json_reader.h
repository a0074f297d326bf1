#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/error.h"
#include "core/json.h"

/// The one reader of JSON. Whatever comes from outside (configs, checkpoints, logs, pictures' texts, lines of
/// a stream, flags) is read here, in linear time and within limits: a deep value alone would end the program,
/// for copying, writing and destroying it recurse.
namespace arzoo {

struct JsonLimits {
  std::size_t depth = 64;                            ///< objects and lists within one another
  std::size_t bytes = std::size_t{256} << 20;        ///< of the whole text
  std::size_t string_bytes = std::size_t{16} << 20;  ///< of one string or key
  std::size_t memory_floor = std::size_t{64} << 20;  ///< bytes that the value may take in any case
  std::size_t memory_per_byte = 16;                  ///< and so many more for each byte of the text
};

/// Why a text was not read.
struct JsonFault {
  std::string message;    ///< "line 3, column 14: not valid JSON (…)"
  bool is_limit = false;  ///< JSON, but past a limit
};

/// The value of `text`, or why there is none: it is not strict JSON (RFC 8259, UTF-8), gives a key twice in
/// one object, holds a number larger than any double, or exceeds a limit.
std::variant<Json, JsonFault> parse_json(std::string_view text, const JsonLimits& limits = {});

/// The value of `text`, or nothing.
std::optional<Json> try_read_json(std::string_view text, const JsonLimits& limits = {});

/// The value of `text`. Throws Failure "where: line 3, column 14: what is wrong".
template <class Failure>
Json read_json(std::string_view text, std::string_view where, const JsonLimits& limits = {}) {
  auto parsed = parse_json(text, limits);
  if (const auto* fault = std::get_if<JsonFault>(&parsed)) fail<Failure>("{}: {}", where, fault->message);
  return std::get<Json>(std::move(parsed));
}

}  // namespace arzoo
