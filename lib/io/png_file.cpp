#include "io/png_file.h"

#include <png.h>
#include <zlib.h>

#include <cstring>

#include "core/atomic_file.h"
#include "core/bytes.h"
#include "core/text_file.h"

namespace arzoo::io {
namespace {

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr std::size_t kHeaderEnd = 33;  // the signature and IHDR, which every file begins with
constexpr std::size_t kMostText = std::size_t{1} << 20;  // of a compressed text, decompressed
// Bytes of memory for a text, and for each byte of it: read, listed, escaped, shown.
constexpr std::uint64_t kCostOfText = 400, kCostOfTextByte = 12;

using PngReader = ByteReader<DataError>;

void append_big(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

uint32_t checksum(std::string_view bytes) {
  return static_cast<uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

std::string chunk(std::string_view type, std::string_view data) {
  std::string out;
  append_big(out, static_cast<uint32_t>(data.size()));
  out.append(type).append(data);
  append_big(out, checksum(std::string_view(out).substr(4)));
  return out;
}

/// libpng's state, freed however the work ends.
struct Image {
  png_image state{};
  Image() { state.version = PNG_IMAGE_VERSION; }
  ~Image() { png_image_free(&state); }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
};

/// Leaves out the alpha: every `channels` samples are followed by one that goes.
void drop_alpha(std::vector<uint8_t>& pixels, std::size_t channels) {
  const std::size_t count = pixels.size() / (channels + 1);
  for (std::size_t i = 0; i < count; ++i)
    std::memmove(pixels.data() + i * channels, pixels.data() + i * (channels + 1), channels);
  pixels.resize(count * channels);
}

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

/// Unpacks one text into `scratch`, which all texts of a file share, and returns what it holds.
std::string inflated(std::string_view data, std::string& scratch, std::string_view where) {
  scratch.resize(kMostText);
  auto size = static_cast<uLongf>(scratch.size());
  const int status = ::uncompress(reinterpret_cast<Bytef*>(scratch.data()), &size,
                                  reinterpret_cast<const Bytef*>(data.data()), data.size());
  if (status != Z_OK)
    fail<DataError>("{}: a compressed text is broken or longer than {} bytes", where, kMostText);
  return scratch.substr(0, size);
}

/// What follows a keyword in an iTXt chunk.
std::string international_text(PngReader& reader, std::string& scratch) {
  const bool compressed = reader.little<uint8_t>("the compression flag of a text") != 0;
  reader.little<uint8_t>("the compression method of a text");
  reader.take_until('\0', "the language of a text");
  reader.take_until('\0', "the translated keyword of a text");
  const auto data = reader.take(reader.remaining(), "a text");
  return compressed ? inflated(data, scratch, reader.where()) : std::string(data);
}

std::string text_of(std::string_view type, PngReader& reader, std::string& scratch) {
  if (type == "iTXt") return international_text(reader, scratch);
  if (type == "zTXt") {
    reader.little<uint8_t>("the compression method of a text");
    return utf8_of_latin1(inflated(reader.take(reader.remaining(), "a text"), scratch, reader.where()));
  }
  return utf8_of_latin1(reader.take(reader.remaining(), "a text"));
}

std::string color_name(uint8_t type, std::string_view name) {
  switch (type) {
    case PNG_COLOR_TYPE_GRAY:
      return "grey";
    case PNG_COLOR_TYPE_RGB:
      return "rgb";
    case PNG_COLOR_TYPE_PALETTE:
      return "palette";
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      return "grey and alpha";
    case PNG_COLOR_TYPE_RGB_ALPHA:
      return "rgb and alpha";
    default:
      fail<DataError>("{}: IHDR has color type {}, expected 0, 2, 3, 4 or 6", name, type);
  }
}

void read_png_header(std::string_view data, std::string_view name, PictureSummary& summary) {
  PngReader reader(data, name);
  summary.width = reader.big<uint32_t>("the width in IHDR");
  summary.height = reader.big<uint32_t>("the height in IHDR");
  summary.bit_depth = reader.little<uint8_t>("the bit depth in IHDR");
  summary.color = color_name(reader.little<uint8_t>("the color type in IHDR"), name);
}

}  // namespace

std::string encode_png(const Picture& picture, const PictureTexts& texts) {
  Image image;
  auto& state = image.state;
  state.width = static_cast<png_uint_32>(picture.width);
  state.height = static_cast<png_uint_32>(picture.height);
  state.format = picture.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(state), '\0');
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&state, bytes.data(), &size, /*convert_to_8_bit=*/0, picture.pixels.data(),
                                /*row_stride=*/0, /*colormap=*/nullptr) == 0)
    fail<SystemFailure>("png: {}", state.message);
  bytes.resize(size);
  std::string chunks;
  for (const auto& [keyword, text] : texts) {
    std::string data = keyword;
    data += '\0';
    chunks += chunk("tEXt", data + text);
  }
  bytes.insert(kHeaderEnd, chunks);
  return bytes;
}

void write_png(const std::filesystem::path& path, const Picture& picture, const PictureTexts& texts) {
  write_atomically(path, encode_png(picture, texts));
}

Picture decode_png(std::string_view bytes, std::string_view name, FileBudget budget) {
  Image image;
  auto& state = image.state;
  const auto refuse = [&] { fail<DataError>("{}: not a readable PNG: {}", name, state.message); };
  if (png_image_begin_read_from_memory(&state, bytes.data(), bytes.size()) == 0) refuse();
  Picture picture{.width = state.width, .height = state.height};
  const bool alpha = (state.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  picture.channels = (state.format & PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1;
  state.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  state.format = picture.channels == 3 ? (alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB)
                                       : (alpha ? PNG_FORMAT_GA : PNG_FORMAT_GRAY);
  const std::uint64_t samples = static_cast<std::uint64_t>(picture.channels) + (alpha ? 1 : 0);
  budget.charge(std::uint64_t{state.width} * state.height * samples,
                fmt::format("a picture of {} x {} pixels", picture.width, picture.height));
  picture.pixels.resize(PNG_IMAGE_SIZE(state));
  if (png_image_finish_read(&state, /*background=*/nullptr, picture.pixels.data(), /*row_stride=*/0,
                            /*colormap=*/nullptr) == 0)
    refuse();
  if (alpha) drop_alpha(picture.pixels, static_cast<std::size_t>(picture.channels));
  return picture;
}

Picture read_png(const std::filesystem::path& path) {
  const auto file = read_input_text(path);
  return decode_png(file.text, path.string(), file.budget);
}

bool is_png(std::string_view bytes) { return bytes.starts_with(kSignature); }

PictureSummary describe_png(std::string_view bytes, std::string_view name) {
  if (!is_png(bytes)) fail<DataError>("{}: no PNG signature", name);
  PictureSummary summary;
  FileBudget budget(name, bytes.size());
  std::string scratch;
  PngReader reader(bytes, name);
  reader.take(kSignature.size(), "the signature");
  for (bool first = true;; first = false) {
    const auto begin = reader.position();
    const auto length = reader.big<uint32_t>("the length of a chunk");
    const auto covered = bytes.substr(reader.position(), std::size_t{length} + 4);
    const auto type = reader.take(4, "the type of a chunk");
    const auto data = reader.take(length, "a chunk");
    if (reader.big<uint32_t>("the checksum of a chunk") != checksum(covered))
      fail<DataError>("{}: the chunk {} at byte {} is broken: its checksum differs", name, in_quotes(type),
                      begin);
    if (first != (type == "IHDR"))
      fail<DataError>("{}: the chunk {} at byte {} stands where {} is expected", name, in_quotes(type), begin,
                      first ? "IHDR" : "another");
    if (first) read_png_header(data, name, summary);
    if (type == "IEND") return summary;
    if (type == "tEXt" || type == "zTXt" || type == "iTXt") {
      PngReader text(data, name);
      const auto keyword = text.take_until('\0', "the keyword of a text");
      summary.texts.emplace_back(utf8_of_latin1(keyword), text_of(type, text, scratch));
      const auto text_bytes = keyword.size() + summary.texts.back().second.size();
      budget.charge(kCostOfText + kCostOfTextByte * text_bytes, "the texts");
    }
  }
}

}  // namespace arzoo::io
