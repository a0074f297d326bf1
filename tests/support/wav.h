#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace arzoo::test {

/// Parts of a WAV file's header, to be told wrongly.
struct WavHeader {
  uint32_t rate = 16000;
  uint16_t channels = 1, bits = 16;
  uint16_t format = 1;  ///< 1 integers, 3 floats
};

inline void append_number(std::string& bytes, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xFFU));
}

/// A WAV file with this data; promised: bytes of data that the header tells, those there are by default.
inline std::string wav_bytes(const WavHeader& header, const std::string& data, int64_t promised = -1) {
  const auto told = static_cast<uint32_t>(promised < 0 ? static_cast<int64_t>(data.size()) : promised);
  const uint32_t frame = header.channels * header.bits / 8U;
  std::string bytes = "RIFF";
  append_number(bytes, 36U + told, 4);
  bytes += "WAVEfmt ";
  append_number(bytes, 16, 4);
  append_number(bytes, header.format, 2);
  append_number(bytes, header.channels, 2);
  append_number(bytes, header.rate, 4);
  append_number(bytes, uint64_t{header.rate} * frame, 4);
  append_number(bytes, frame, 2);
  append_number(bytes, header.bits, 2);
  bytes += "data";
  append_number(bytes, told, 4);
  return bytes + data;
}

/// Samples as integers of so many bits (8 bits are unsigned).
inline std::string wav_samples(const std::vector<double>& samples, int bits) {
  std::string bytes;
  for (const double sample : samples) {
    const auto value = static_cast<int64_t>(sample * static_cast<double>(int64_t{1} << (bits - 1)));
    append_number(bytes, static_cast<uint64_t>(bits == 8 ? value + 128 : value), bits / 8);
  }
  return bytes;
}

inline std::string wav_floats(const std::vector<float>& samples) {
  std::string bytes(samples.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), samples.data(), bytes.size());
  return bytes;
}

}  // namespace arzoo::test
