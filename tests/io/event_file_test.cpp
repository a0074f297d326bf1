#include "io/event_file.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using arzoo::test::read_file;
using arzoo::test::TempDir;

namespace {

std::uint64_t little_endian(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes.at(at + i))) << (8 * i);
  }
  return value;
}

std::uint64_t masked(std::uint32_t crc) {
  return static_cast<std::uint32_t>((crc >> 15U | crc << 17U) + 0xA282EAD8U);
}

/// The payloads of a TFRecord file, each checked against its sums.
std::vector<std::string> records_of(const std::string& bytes) {
  std::vector<std::string> payloads;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto size = static_cast<std::size_t>(little_endian(bytes, at, 8));
    REQUIRE(little_endian(bytes, at + 8, 4) == masked(io::crc32c(bytes.substr(at, 8))));
    payloads.push_back(bytes.substr(at + 12, size));
    REQUIRE(little_endian(bytes, at + 12 + size, 4) == masked(io::crc32c(payloads.back())));
    at += 16 + size;
  }
  return payloads;
}

}  // namespace

TEST_CASE("CRC-32C has its published check values", "[event_file_test]") {
  CHECK(io::crc32c("123456789") == 0xE3069283U);
  CHECK(io::crc32c("") == 0U);
  CHECK(io::crc32c(std::string(32, '\0')) == 0x8A9136AAU);  // RFC 3720, B.4
  CHECK(io::crc32c(std::string(32, '\xFF')) == 0x62A8AB43U);
}

TEST_CASE("a record is framed by its length and two masked sums", "[event_file_test]") {
  const std::string record = io::tf_record("abc");
  REQUIRE(record.size() == 8 + 4 + 3 + 4);
  CHECK(little_endian(record, 0, 8) == 3);
  CHECK(little_endian(record, 8, 4) == masked(io::crc32c(record.substr(0, 8))));
  CHECK(record.substr(12, 3) == "abc");
  CHECK(little_endian(record, 15, 4) == 0x21F1576EU);
}

TEST_CASE("a file holds version, start and one event for each step, byte for byte", "[event_file_test]") {
  const TempDir temp;
  io::EventFile events(temp.path(), 1, 1700000000.0);
  events.add(300, {{"train/loss", 0.5}, {"lr", 1.0}}, 1700000000.0);
  const auto records = records_of(read_file(events.path()));
  REQUIRE(records.size() == 3);
  using namespace std::string_literals;
  const std::string time = "\x09\0\0\0\x40\xFC\x54\xD9\x41"s;
  CHECK(records[0] == time +
                          "\x10\0\x1A\x0D"
                          "brain.Event:2"s);
  CHECK(records[1] == time + "\x10\x01\x3A\x02\x08\x01"s);
  CHECK(records[2] == time + "\x10\xAC\x02\x2A\x1E"s                     // step 300; summary of 30 bytes
                          + "\x0A\x11\x0A\x0Atrain/loss\x15\0\0\0\x3F"s  // 0.5
                          + "\x0A\x09\x0A\x02lr\x15\0\0\x80\x3F"s);      // 1.0
}

TEST_CASE("a resumed run gets a file of its own, named behind the first", "[event_file_test]") {
  const TempDir temp;
  const io::EventFile first(temp.path(), 1, 1700000000.0);
  const io::EventFile second(temp.path(), 7, 1700000000.0);
  const io::EventFile third(temp.path(), 9, 1700000060.0);
  CHECK(first.path() < second.path());
  CHECK(second.path() < third.path());
  CHECK(first.path().filename().string().starts_with("events.out.tfevents.1700000000."));
  CHECK(records_of(read_file(second.path()))[1].ends_with("\x10\x07\x3A\x02\x08\x01"));
}

TEST_CASE("a folder that is not there is a system failure", "[event_file_test]") {
  const TempDir temp;
  CHECK_THROWS_AS(io::EventFile(temp / "none", 1, 1700000000.0), UsageError);
}
