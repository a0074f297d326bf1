#include "core/jpeg_file.h"

#include <array>
#include <csetjmp>
#include <cstdio>

// libjpeg's headers want FILE and size_t before them.
#include <jpeglib.h>
// After the library's own header.
#include <jerror.h>

#include "core/bytes.h"
#include "core/error.h"

namespace arzoo {
namespace {

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
bool succeeds(Decoder& decoder, const Step& step) {
  if (setjmp(decoder.handler.back) != 0) return false;
  step();
  return true;
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
  if (!succeeds(decoder, [&] { decoder.read_header(bytes); })) refuse();
  decoder.make_room(budget);
  if (!succeeds(decoder, [&] { decoder.read_pixels(); })) refuse();
  return std::move(decoder.picture);
}

}  // namespace arzoo
