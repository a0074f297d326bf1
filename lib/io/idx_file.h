#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace arzoo::io {

/// An array of bytes in the IDX format of the MNIST files (LeCun, Cortes, Burges): pictures [N, H, W] or
/// labels [N].
struct IdxArray {
  std::vector<int64_t> sizes;
  std::string bytes;  ///< row-major, as many as the product of the sizes
};

/// Throws DataError, opened by `name`: of another format or element type, cut short, longer than the header
/// says.
IdxArray parse_idx(std::string bytes, std::string_view name);
/// Reads a plain or gzipped file.
IdxArray read_idx(const std::filesystem::path& path);

}  // namespace arzoo::io
