#pragma once

#include <fmt/format.h>
#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "support/pickles.h"

/// Files that ask for far more memory or time than their size: what each format can do at its worst.
namespace arzoo::test {

inline std::string repeated(const std::string& piece, std::size_t times) {
  std::string text;
  text.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

inline std::string little_endian(std::uint32_t value) {
  std::string bytes;
  append_little(bytes, value);
  return bytes;
}

/// windowBits of zlib: 15 for its own wrapper, 31 for gzip's.
inline std::string deflated(const std::string& text, int window_bits) {
  z_stream stream{};
  ::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY);
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ::deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return packed;
}
inline std::string gzipped(const std::string& text) { return deflated(text, 15 + 16); }

inline std::string png_chunk(const std::string& type, const std::string& data) {
  const auto covered = type + data;
  const auto crc =
      ::crc32(0, reinterpret_cast<const Bytef*>(covered.data()), static_cast<uInt>(covered.size()));
  return big_endian(static_cast<std::uint32_t>(data.size())) + covered +
         big_endian(static_cast<std::uint32_t>(crc));
}

/// A PNG of that size with the chunks between its header and its end.
inline std::string png_of(std::uint32_t width, std::uint32_t height, const std::string& chunks) {
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", big_endian(width) + big_endian(height) + "\x08\x02\0\0\0"s) +
         chunks + png_chunk("IEND", "");
}

/// `count` compressed texts of `bytes` bytes each.
inline std::string png_of_texts(std::size_t count, std::size_t bytes) {
  const auto packed = deflated(std::string(bytes, 'a'), 15);
  return png_of(1, 1, repeated(png_chunk("iTXt", "k\0\1\0\0\0"s + packed), count));
}

/// A picture of `side` by `side` black pixels.
inline std::string png_of_black(std::uint32_t side) {
  const std::string rows(std::size_t{side} * (3 * std::size_t{side} + 1), '\0');
  return png_of(side, side, png_chunk("IDAT", deflated(rows, 15)));
}

/// A GLB of a description and a buffer.
inline std::string glb_of(std::string json, std::string binary) {
  json.resize((json.size() + 3) / 4 * 4, ' ');
  binary.resize((binary.size() + 3) / 4 * 4, '\0');
  const auto chunk = [](const std::string& content, std::uint32_t kind) {
    return little_endian(static_cast<std::uint32_t>(content.size())) + little_endian(kind) + content;
  };
  const auto chunks = chunk(json, 0x4E4F534A) + chunk(binary, 0x004E4942);
  return little_endian(0x46546C67) + little_endian(2) +
         little_endian(12 + static_cast<std::uint32_t>(chunks.size())) + chunks;
}

/// One mesh of `primitives` primitives that all stand for the same `vertices` vertices, in `nodes` places.
inline std::string glb_of_copies(std::size_t nodes, std::size_t primitives, std::size_t vertices) {
  const auto list = [](const std::string& item, std::size_t times) {
    auto items = repeated(item + ",", times);
    items.pop_back();
    return "[" + items + "]";
  };
  std::string roots;
  for (std::size_t i = 0; i < nodes; ++i) roots += (i == 0 ? "" : ",") + std::to_string(i);
  const auto bytes = std::to_string(12 * vertices);
  return glb_of(R"({"asset":{"version":"2.0"},"scenes":[{"nodes":[)" + roots + R"(]}],"nodes":)" +
                    list(R"({"mesh":0})", nodes) + R"(,"meshes":[{"primitives":)" +
                    list(R"({"attributes":{"POSITION":0}})", primitives) + R"(}],"buffers":[{"byteLength":)" +
                    bytes + R"(}],"bufferViews":[{"buffer":0,"byteLength":)" + bytes +
                    R"(}],"accessors":[{"bufferView":0,"componentType":5126,"type":"VEC3","count":)" +
                    std::to_string(vertices) + "}]}",
                std::string(12 * vertices, '\x11'));
}

/// A safetensors file of `count` tensors of `bytes` bytes each.
inline std::string safetensors_of(std::size_t count, std::size_t bytes) {
  std::string header = "{";
  for (std::size_t i = 0; i < count; ++i) {
    header += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}})", i == 0 ? "" : ",",
                          i, bytes, i * bytes, (i + 1) * bytes);
  }
  header += "}";
  std::string file;
  append_little(file, static_cast<std::uint64_t>(header.size()));
  return file + header + std::string(count * bytes, '\1');
}

/// A file of torch.save with `names` tensors that share one storage of `bytes` bytes, which no float is
/// aligned in.
inline std::string pth_of_one_storage(std::size_t names, std::uint32_t bytes) {
  const auto number = [](std::uint32_t value) { return "J" + little_endian(value); };
  const auto elements = number(bytes / 4);
  std::string opcodes = "}";
  for (std::size_t i = 0; i < names; ++i) {
    const auto tensor = "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled_text("storage") +
                        "ctorch\nFloatStorage\n" + pickled_text("0") + pickled_text("cpu") + elements +
                        "tQK\0"s + elements + "\x85K\1\x85\x89}tR";
    opcodes += pickled_item(std::to_string(i), tensor);
  }
  for (const auto* folder : {"x", "xx"}) {
    const std::string name = folder;
    auto file = zip(
        {{name + "/data.pkl", "\x80\x02" + opcodes + "."}, {name + "/data/0", std::string(bytes, '\x01')}});
    if (file.find(std::string(64, '\x01')) % 4 != 0) return file;
  }
  return "";
}

}  // namespace arzoo::test
