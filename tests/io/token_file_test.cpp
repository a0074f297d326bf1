#include "io/token_file.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;

namespace {

io::TokenFile sample_file(std::uint32_t vocabulary, std::size_t count) {
  io::TokenFile file{
      .model = 0x0123456789abcdefU, .vocabulary = vocabulary, .placement = {1.5F, -2.0F, 0.25F, 3.0F}};
  for (std::size_t i = 0; i < count; ++i)
    file.tokens.push_back(static_cast<std::uint32_t>((i * 2654435761U) % vocabulary));
  return file;
}

}  // namespace

TEST_CASE("tokens of any number of values come back as they were, in as few bits as tell them apart") {
  const std::uint32_t vocabulary = GENERATE(2U, 3U, 24U, 256U, 257U, 8192U, 1U << 20, 0xffffffffU);
  const std::size_t count = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{333});
  const auto file = sample_file(vocabulary, count);
  const auto bytes = io::token_file_bytes(file);
  const auto bits = static_cast<std::size_t>(io::token_bits(vocabulary));
  CHECK(bytes.size() == 24 + 16 + (count * bits + 7) / 8 + 4);
  const auto back = io::parse_token_file(bytes, "x");
  CHECK(back.model == file.model);
  CHECK(back.vocabulary == vocabulary);
  CHECK(back.placement == file.placement);
  CHECK(back.tokens == file.tokens);
}

TEST_CASE("a token file that lies is refused with what is wrong") {
  const auto file = sample_file(24, 10);
  const auto bytes = io::token_file_bytes(file);
  CHECK_THROWS_WITH(io::parse_token_file("", "a.tokens"), ContainsSubstring("a.tokens: no token file"));
  CHECK_THROWS_WITH(io::parse_token_file(bytes.substr(0, bytes.size() - 1), "x"),
                    ContainsSubstring("bytes, expected"));
  CHECK_THROWS_WITH(io::parse_token_file(bytes + '\0', "x"), ContainsSubstring("bytes, expected"));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto spoilt = bytes;
    spoilt[at] = static_cast<char>(spoilt[at] ^ 0x10);
    CAPTURE(at);
    CHECK_THROWS_AS(io::parse_token_file(spoilt, "x"), DataError);
  }
  // A count that the file cannot hold takes no memory.
  auto long_one = bytes;
  long_one[22] = long_one[23] = '\xff';
  CHECK_THROWS_WITH(io::parse_token_file(long_one, "x"), ContainsSubstring("bytes, expected"));
  io::TokenFile endless{.vocabulary = 2, .tokens = std::vector<std::uint32_t>((std::size_t{1} << 24) + 1)};
  CHECK_THROWS_WITH(io::token_file_bytes(endless), ContainsSubstring("expected at most 16777216"));
  auto outside = file;
  outside.tokens[3] = 24;
  CHECK_THROWS_WITH(io::token_file_bytes(outside), ContainsSubstring("a token of 24, expected one below 24"));
}

TEST_CASE("a token outside of the vocabulary is refused whatever the checksum says") {
  auto file = sample_file(32, 10);
  file.tokens[4] = 30;
  auto bytes = io::token_file_bytes(file);
  // The same bits, said to be of fewer values: 17 need 5 bits as well.
  file.vocabulary = 17;
  auto header = io::token_file_bytes({.model = file.model, .vocabulary = 17, .placement = file.placement});
  bytes[16] = header[16];
  CHECK_THROWS_AS(io::parse_token_file(bytes, "x"), DataError);
}
