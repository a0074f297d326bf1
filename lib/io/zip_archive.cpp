#include "io/zip_archive.h"

#include <algorithm>
#include <numeric>

#include "core/bytes.h"
#include "core/error.h"

/// Names and layouts: PKWARE APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14-16 (its
/// end).
namespace arzoo::io {

namespace {

using ZipReader = ByteReader<CheckpointError>;

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kDirectoryEnd = 0x06054b50;
constexpr std::uint32_t kDirectoryEnd64 = 0x06064b50;
constexpr std::uint32_t kDirectoryEnd64Locator = 0x07064b50;
constexpr std::uint32_t kInExtra32 = 0xffffffff;  // the number stands in the zip64 extra field
constexpr std::uint16_t kInExtra16 = 0xffff;

constexpr std::size_t kDirectoryEndSize = 22;
constexpr std::size_t kLocatorSize = 20;
constexpr std::size_t kLongestZipComment = 65535;

struct Directory {
  std::uint64_t entries, size, offset;
};

struct Entry {
  std::string_view name;
  std::uint16_t flags, method;
  std::uint64_t compressed, size, header_offset;
};

/// `count` bytes at `offset`, or an error.
std::string_view slice(std::string_view bytes, std::uint64_t offset, std::uint64_t count,
                       std::string_view where, std::string_view what) {
  if (offset > bytes.size() || count > bytes.size() - offset) {
    fail<CheckpointError>("{}: zip archive: {} at byte {} is not inside the file of {} bytes", where, what,
                          offset, bytes.size());
  }
  return bytes.substr(offset, count);
}

std::size_t find_directory_end(std::string_view bytes, std::string_view where) {
  std::string signature;
  append_little(signature, kDirectoryEnd);
  if (bytes.size() >= kDirectoryEndSize) {
    const std::size_t last = bytes.size() - kDirectoryEndSize;
    const std::size_t at = bytes.rfind(signature, last);
    if (at != std::string_view::npos && last - at <= kLongestZipComment) return at;
  }
  fail<CheckpointError>("{}: zip archive without its directory at the end (is the file truncated?)", where);
}

Directory read_directory_end64(std::string_view bytes, std::size_t end, std::string_view where) {
  if (end < kLocatorSize) fail<CheckpointError>("{}: zip64 archive without its locator", where);
  ZipReader locator(bytes.substr(end - kLocatorSize, kLocatorSize), where);
  if (locator.little<std::uint32_t>("the zip64 locator") != kDirectoryEnd64Locator) {
    fail<CheckpointError>("{}: zip64 archive without its locator", where);
  }
  locator.take(4, "the zip64 locator");
  const auto offset = locator.little<std::uint64_t>("the zip64 locator");
  ZipReader reader(slice(bytes, offset, 56, where, "the zip64 directory's end"), where);
  if (reader.little<std::uint32_t>("the zip64 directory's end") != kDirectoryEnd64) {
    fail<CheckpointError>("{}: zip64 archive without its directory's end at byte {}", where, offset);
  }
  reader.take(28, "the zip64 directory's end");
  Directory directory{};
  directory.entries = reader.little<std::uint64_t>("the number of records");
  directory.size = reader.little<std::uint64_t>("the directory's size");
  directory.offset = reader.little<std::uint64_t>("the directory's offset");
  return directory;
}

Directory read_directory_end(std::string_view bytes, std::string_view where) {
  const std::size_t end = find_directory_end(bytes, where);
  ZipReader reader(bytes.substr(end), where);
  reader.take(10, "the directory's end");
  const auto entries = reader.little<std::uint16_t>("the number of records");
  const auto size = reader.little<std::uint32_t>("the directory's size");
  const auto offset = reader.little<std::uint32_t>("the directory's offset");
  if (entries == kInExtra16 || size == kInExtra32 || offset == kInExtra32) {
    return read_directory_end64(bytes, end, where);
  }
  return {entries, size, offset};
}

/// Replaces the numbers that did not fit into 32 bits by those of the zip64 extra field, which holds only
/// these, in order.
void read_zip64_extra(std::string_view extra, Entry& entry, std::string_view where) {
  ZipReader fields(extra, where);
  while (fields.remaining() >= 4) {
    const auto id = fields.little<std::uint16_t>("an extra field");
    const auto content = fields.take(fields.little<std::uint16_t>("an extra field"), "an extra field");
    if (id != 1) continue;
    ZipReader numbers(content, where);
    for (auto* number : {&entry.size, &entry.compressed, &entry.header_offset}) {
      if (*number == kInExtra32) *number = numbers.little<std::uint64_t>("a zip64 extra field");
    }
    return;
  }
}

Entry read_entry(ZipReader& directory, std::string_view where) {
  constexpr std::string_view kWhat = "the zip archive's directory";
  if (directory.little<std::uint32_t>(kWhat) != kDirectoryEntry) {
    fail<CheckpointError>("{}: zip archive: broken directory", where);
  }
  Entry entry{};
  directory.take(4, kWhat);
  entry.flags = directory.little<std::uint16_t>(kWhat);
  entry.method = directory.little<std::uint16_t>(kWhat);
  directory.take(8, kWhat);
  entry.compressed = directory.little<std::uint32_t>(kWhat);
  entry.size = directory.little<std::uint32_t>(kWhat);
  const auto name_length = directory.little<std::uint16_t>(kWhat);
  const auto extra_length = directory.little<std::uint16_t>(kWhat);
  const auto comment_length = directory.little<std::uint16_t>(kWhat);
  directory.take(8, kWhat);
  entry.header_offset = directory.little<std::uint32_t>(kWhat);
  entry.name = directory.take(name_length, kWhat);
  read_zip64_extra(directory.take(extra_length, kWhat), entry, where);
  directory.take(comment_length, kWhat);
  return entry;
}

ZipArchive::Record locate(std::string_view bytes, const Entry& entry, std::string_view where) {
  constexpr std::uint16_t kEncrypted = 1;
  constexpr std::size_t kLocalHeaderSize = 30;
  if (entry.method != 0 || entry.compressed != entry.size || (entry.flags & kEncrypted) != 0) {
    fail<CheckpointError>("{}: record {} is compressed or encrypted, expected it stored as torch.save does",
                          where, in_quotes(entry.name));
  }
  ZipReader header(slice(bytes, entry.header_offset, kLocalHeaderSize, where, "a record"), where);
  if (header.little<std::uint32_t>("a record") != kLocalHeader) {
    fail<CheckpointError>("{}: zip archive: no record at byte {}, expected {}", where, entry.header_offset,
                          in_quotes(entry.name));
  }
  header.take(22, "a record");
  const std::uint64_t name_length = header.little<std::uint16_t>("a record");
  const std::uint64_t extra_length = header.little<std::uint16_t>("a record");
  const auto offset = entry.header_offset + kLocalHeaderSize + name_length + extra_length;
  return {entry.name, offset,
          slice(bytes, offset, entry.size, where, "the content of " + in_quotes(entry.name))};
}

/// Records that share bytes would make much of little: many names for one content.
void refuse_overlaps(const std::vector<ZipArchive::Record>& records, std::string_view where) {
  std::vector<std::size_t> order(records.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return records[a].offset < records[b].offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const auto &before = records[order[i - 1]], &record = records[order[i]];
    if (before.offset + before.content.size() > record.offset || before.offset == record.offset) {
      fail<CheckpointError>("{}: zip archive: the records {} and {} overlap", where, in_quotes(before.name),
                            in_quotes(record.name));
    }
  }
}

}  // namespace

ZipArchive ZipArchive::parse(std::string_view bytes, std::string_view where) {
  const Directory end = read_directory_end(bytes, where);
  ZipReader directory(slice(bytes, end.offset, end.size, where, "the directory"), where);
  ZipArchive archive;
  for (std::uint64_t i = 0; i < end.entries; ++i) {
    archive.records_.push_back(locate(bytes, read_entry(directory, where), where));
    if (!archive.index_.emplace(archive.records_.back().name, i).second) {
      fail<CheckpointError>("{}: zip archive: record {} stands twice", where,
                            in_quotes(archive.records_.back().name));
    }
  }
  refuse_overlaps(archive.records_, where);
  return archive;
}

const ZipArchive::Record* ZipArchive::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &records_[found->second];
}

}  // namespace arzoo::io
