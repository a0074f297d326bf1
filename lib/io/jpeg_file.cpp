#include "io/jpeg_file.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>

// libjpeg's headers want FILE and size_t before them.
#include <jpeglib.h>
// After the library's own header.
#include <jerror.h>

#include "core/bytes.h"
#include "core/error.h"
#include "core/utf8.h"

namespace arzoo::io {
namespace {

constexpr std::size_t kLongestComment = 65533;  // the length of a segment counts itself
constexpr int kMostScans = 200;  // a progressive file of many empty scans takes minutes to decode

/// libjpeg calls back on an error and expects not to be returned to.
struct ErrorHandler {
  jpeg_error_mgr manager;  // first: libjpeg hands back a pointer to it
  std::jmp_buf back;
  std::array<char, JMSG_LENGTH_MAX> message;
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* handler = reinterpret_cast<ErrorHandler*>(info->err);
  info->err->format_message(info, handler->message.data());
  std::longjmp(handler->back, 1);
}

/// Warnings are damage that libjpeg repairs by guessing: as bad as errors.
void on_message(j_common_ptr info, int level) {
  if (level < 0) on_error(info);
}

void on_progress(j_common_ptr info) {
  const auto* decoder = reinterpret_cast<j_decompress_ptr>(info);
  if (decoder->input_scan_number > kMostScans) {
    auto* handler = reinterpret_cast<ErrorHandler*>(info->err);
    std::snprintf(handler->message.data(), handler->message.size(), "more than %d scans", kMostScans);
    std::longjmp(handler->back, 1);
  }
}

/// CMYK and YCCK as libjpeg gives them, inverted by convention (Adobe), to red, green, blue.
void cmyk_to_rgb(const std::vector<uint8_t>& row, uint8_t* out, std::size_t width) {
  for (std::size_t x = 0; x < width; ++x) {
    const unsigned black = row[4 * x + 3];
    for (std::size_t c = 0; c < 3; ++c) out[3 * x + c] = static_cast<uint8_t>(row[4 * x + c] * black / 255);
  }
}

/// What decoding needs; nothing in it is made between setjmp and longjmp.
struct Decoder {
  jpeg_decompress_struct info{};
  ErrorHandler handler{};
  jpeg_progress_mgr progress{};
  Picture picture;
  std::vector<uint8_t> row;

  Decoder() {
    info.err = jpeg_std_error(&handler.manager);
    handler.manager.error_exit = &on_error;
    handler.manager.emit_message = &on_message;
    progress.progress_monitor = &on_progress;
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void read_header(std::string_view bytes) {
    jpeg_create_decompress(&info);
    info.progress = &progress;
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&info, TRUE);
    picture.width = info.image_width;
    picture.height = info.image_height;
  }
  void make_room(FileBudget& budget) {
    const bool grey = info.jpeg_color_space == JCS_GRAYSCALE;
    const bool four = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
    info.out_color_space = grey ? JCS_GRAYSCALE : four ? JCS_CMYK : JCS_RGB;
    picture.channels = grey ? 1 : 3;
    budget.charge(static_cast<std::uint64_t>(picture.row_bytes()) * info.image_height,
                  fmt::format("a picture of {} x {} pixels", picture.width, picture.height));
    // A picture in several scans is held in coefficients as well: with what is left, libjpeg gives up by
    // itself.
    info.mem->max_memory_to_use = static_cast<long>(budget.left());
    picture.pixels.resize(static_cast<std::size_t>(picture.row_bytes() * picture.height));
    if (four) row.resize(4 * static_cast<std::size_t>(picture.width));
  }
  void read_pixels() {
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      auto* const target = picture.pixels.data() + info.output_scanline * picture.row_bytes();
      JSAMPROW line = row.empty() ? target : row.data();
      jpeg_read_scanlines(&info, &line, 1);
      if (!row.empty()) cmyk_to_rgb(row, target, static_cast<std::size_t>(picture.width));
    }
    jpeg_finish_decompress(&info);
  }
};

/// Runs one step; false when libjpeg gave up. A frame that longjmp leaves must own nothing.
template <class Step>
bool succeeds(ErrorHandler& handler, const Step& step) {
  if (setjmp(handler.back) != 0) return false;
  step();
  return true;
}

/// What encoding needs, with the bytes that libjpeg allocates.
struct Encoder {
  jpeg_compress_struct info{};
  ErrorHandler handler{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): libjpeg's type

  Encoder() {
    info.err = jpeg_std_error(&handler.manager);
    handler.manager.error_exit = &on_error;
    handler.manager.emit_message = &on_message;
  }
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  void begin(const Picture& picture) {
    constexpr int kQuality = 95;
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &size);
    info.image_width = static_cast<JDIMENSION>(picture.width);
    info.image_height = static_cast<JDIMENSION>(picture.height);
    info.input_components = static_cast<int>(picture.channels);
    info.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, kQuality, TRUE);
    info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&info, TRUE);
  }
  void comment(std::string_view text) {
    // What does not fit into one segment goes on in the next.
    do {
      const auto part = text.substr(0, kLongestComment);
      jpeg_write_marker(&info, JPEG_COM, reinterpret_cast<const JOCTET*>(part.data()),
                        static_cast<unsigned>(part.size()));
      text.remove_prefix(part.size());
    } while (!text.empty());
  }
  void write_pixels(const Picture& picture) {
    while (info.next_scanline < info.image_height) {
      // libjpeg takes rows that it does not change without const.
      auto* row = const_cast<JSAMPROW>(picture.pixels.data() + info.next_scanline * picture.row_bytes());
      jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
  }
};

/// A keyword of letters, digits and spaces before ": ", and the text behind it.
std::pair<std::string, std::string> text_of_comment(const std::string& comment) {
  constexpr std::size_t kLongestKeyword = 79;
  const auto end = comment.find(": ");
  const bool keyword = end != std::string::npos && end > 0 && end <= kLongestKeyword &&
                       std::all_of(comment.begin(), comment.begin() + static_cast<std::ptrdiff_t>(end),
                                   [](unsigned char c) { return std::isalnum(c) != 0 || c == ' '; });
  const auto text = keyword ? comment.substr(end + 2) : comment;
  return {keyword ? comment.substr(0, end) : "comment", is_utf8(text) ? text : in_quotes(text)};
}

/// The segments of a file up to its first scan.
class JpegSegments {
 public:
  JpegSegments(std::string_view bytes, std::string_view name) : reader_(bytes, name) {
    reader_.take(2, "the first marker");
  }

  /// Moves on to the next segment; false at the first scan.
  bool next() {
    begin_ = reader_.position();
    if (reader_.little<uint8_t>("a marker") != 0xff)
      fail<DataError>("{}: no marker at byte {}, where a segment is expected", reader_.where(), begin_);
    do {
      marker_ = reader_.little<uint8_t>("a marker");
    } while (marker_ == 0xff);
    const bool alone = marker_ == 0x01 || (marker_ >= 0xd0 && marker_ <= kEnd);
    data_ = {};
    if (alone) return marker_ != kEnd;
    const auto length = reader_.big<uint16_t>("the length of a segment");
    if (length < 2)
      fail<DataError>("{}: the segment at byte {} has a length of {}, expected at least 2", reader_.where(),
                      begin_, length);
    data_ = reader_.take(length - 2U, "a segment");
    return marker_ != kScan;
  }

  bool is_comment() const { return marker_ == JPEG_COM; }
  bool is_frame() const {
    return marker_ >= 0xc0 && marker_ <= 0xcf && marker_ != 0xc4 && marker_ != 0xc8 && marker_ != 0xcc;
  }
  std::string_view data() const { return data_; }

 private:
  static constexpr uint8_t kEnd = 0xd9, kScan = 0xda;
  ByteReader<DataError> reader_;
  std::string_view data_;
  std::uint64_t begin_ = 0;
  uint8_t marker_ = 0;
};

void read_frame(std::string_view data, std::string_view name, PictureSummary& summary) {
  ByteReader<DataError> reader(data, name);
  summary.bit_depth = reader.little<uint8_t>("the precision of the frame");
  summary.height = reader.big<uint16_t>("the height of the frame");
  summary.width = reader.big<uint16_t>("the width of the frame");
  const auto components = reader.little<uint8_t>("the components of the frame");
  if (components != 1 && components != 3 && components != 4)
    fail<DataError>("{}: {} components, expected 1, 3 or 4", name, components);
  summary.color = components == 1 ? "grey" : components == 3 ? "rgb" : "cmyk";
}

}  // namespace

bool is_jpeg(std::string_view bytes) { return bytes.starts_with("\xff\xd8\xff"); }

Picture decode_jpeg(std::string_view bytes, std::string_view name, FileBudget budget) {
  if (!is_jpeg(bytes)) fail<DataError>("{}: not a JPEG picture", name);
  Decoder decoder;
  const auto refuse = [&] {
    if (decoder.handler.manager.msg_code == JERR_NO_BACKING_STORE)
      budget.charge(budget.left() + 1, "a picture in several scans (save it as one scan, or smaller)");
    fail<DataError>("{}: broken JPEG picture: {}", name, in_quotes(decoder.handler.message.data()));
  };
  if (!succeeds(decoder.handler, [&] { decoder.read_header(bytes); })) refuse();
  decoder.make_room(budget);
  if (!succeeds(decoder.handler, [&] { decoder.read_pixels(); })) refuse();
  return std::move(decoder.picture);
}

std::string encode_jpeg(const Picture& picture, const PictureTexts& texts) {
  if (std::max(picture.width, picture.height) > kLongestJpegSide) {
    fail<UsageError>("a JPEG picture of {} x {} pixels: expected at most {} along a side (choose .png)",
                     picture.width, picture.height, kLongestJpegSide);
  }
  Encoder encoder;
  std::vector<std::string> comments;
  for (const auto& [keyword, text] : texts) comments.push_back(keyword + ": " + text);
  const auto encode = [&] {
    encoder.begin(picture);
    for (const auto& comment : comments) encoder.comment(comment);
    encoder.write_pixels(picture);
  };
  if (!succeeds(encoder.handler, encode)) fail<SystemFailure>("jpeg: {}", encoder.handler.message.data());
  return {reinterpret_cast<const char*>(encoder.bytes), encoder.size};
}

PictureSummary describe_jpeg(std::string_view bytes, std::string_view name) {
  constexpr std::size_t kMostComments = 256;
  if (!is_jpeg(bytes)) fail<DataError>("{}: not a JPEG picture", name);
  PictureSummary summary;
  std::vector<std::string> comments;
  bool goes_on = false;
  for (JpegSegments segments(bytes, name); segments.next();) {
    if (segments.is_frame()) read_frame(segments.data(), name, summary);
    if (!segments.is_comment()) continue;
    if (!goes_on) comments.emplace_back();
    comments.back() += segments.data();
    goes_on = segments.data().size() == kLongestComment;
    if (comments.size() > kMostComments)
      fail<DataError>("{}: more than {} comments, the most that are read", name, kMostComments);
  }
  if (summary.color.empty()) fail<DataError>("{}: no frame before its first scan", name);
  for (const auto& comment : comments) summary.texts.push_back(text_of_comment(comment));
  return summary;
}

}  // namespace arzoo::io
