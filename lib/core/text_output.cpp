#include "core/text_output.h"

#include <zlib.h>

#include <array>

#include "core/ascii.h"
#include "core/error.h"
#include "core/standard_streams.h"

namespace arzoo {

class TextOutput::Deflater {
 public:
  Deflater() {
    constexpr int kGzipWrapper = 16, kMemoryLevel = 8;
    if (::deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzipWrapper, kMemoryLevel,
                       Z_DEFAULT_STRATEGY) != Z_OK)
      fail<SystemFailure>("zlib: out of memory");
  }
  ~Deflater() { ::deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// Compresses `text` into `file`; with Z_FINISH to the end.
  void run(std::string_view text, int flush, AtomicFile& file) {
    constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
    do {
      const auto piece = text.substr(0, kMostAtOnce);
      text.remove_prefix(piece.size());
      // zlib reads what it does not declare const.
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
      stream_.avail_in = static_cast<uInt>(piece.size());
      write_out(text.empty() ? flush : Z_NO_FLUSH, file);
    } while (!text.empty());
  }

 private:
  void write_out(int flush, AtomicFile& file) {
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      ::deflate(&stream_, flush);
      file.append({out_.data(), out_.size() - stream_.avail_out});
    } while (stream_.avail_out == 0);
  }

  z_stream stream_{};
  std::array<char, std::size_t{1} << 16> out_;
};

TextOutput::TextOutput(const std::filesystem::path& path)
    : deflater_(to_lower(path.extension().string()) == ".gz" ? std::make_unique<Deflater>() : nullptr) {
  if (path != "-") file_.emplace(path);
}

TextOutput::~TextOutput() = default;

void TextOutput::append(std::string_view text) {
  if (deflater_)
    deflater_->run(text, Z_NO_FLUSH, *file_);
  else if (file_)
    file_->append(text);
  else
    write_standard_output(text);
}

void TextOutput::commit() {
  if (deflater_) deflater_->run({}, Z_FINISH, *file_);
  if (file_) file_->commit();
}

}  // namespace arzoo
