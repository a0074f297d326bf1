#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// The tokens of one thing, as a model coded it: what `arzoo encode` writes and `arzoo decode` reads.
///
/// Little-endian: "ARZT", a version byte, the number of placement values (0 to 16) in one byte, two zero
/// bytes; the model's digest, 8 bytes; how many values a token has, 4 bytes, and how many tokens there are, 4
/// bytes; the placement, fp32; the tokens, each in as few bits as tell its values apart, the lowest bit
/// first; zero bits up to a whole byte; the CRC-32 of all before it, 4 bytes.
namespace arzoo::io {

struct TokenFile {
  std::uint64_t model = 0;            ///< digest of the model that they are of
  std::uint32_t vocabulary = 2;       ///< values that a token can have, at least 2
  std::vector<float> placement = {};  ///< where and how large the thing was, as its family says; finite
  std::vector<std::uint32_t> tokens = {};
};

/// Bits of a token.
int token_bits(std::uint32_t vocabulary);

/// Throws DataError for a token outside of the vocabulary, a placement that is not finite, and more than 2^24
/// tokens.
std::string token_file_bytes(const TokenFile& file);
/// Throws DataError, which `where` opens, for bytes that are not exactly such a file. Memory is that of the
/// tokens, 2^24 at most.
TokenFile parse_token_file(std::string_view bytes, const std::string& where);
/// The same of a file. Also throws CheckpointError for one that cannot be opened.
TokenFile read_token_file(const std::filesystem::path& path);

}  // namespace arzoo::io
