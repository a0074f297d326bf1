#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/picture.h"

namespace arzoo::image {

/// Pictures with classes. May be read from several threads at once.
class PictureSet {
 public:
  virtual ~PictureSet() = default;

  virtual int64_t size() const = 0;
  virtual int64_t label(int64_t index) const = 0;
  /// Throws DataError, naming the file, for a picture that cannot be read.
  virtual io::Picture picture(int64_t index) const = 0;
  /// Names of the classes in the order of their numbers; empty where they have none.
  virtual const std::vector<std::string>& class_names() const = 0;
  /// The side of each picture if all are known to be squares of one size, else 0.
  virtual int64_t common_side() const = 0;
};

/// Opens a folder with a sub-folder of PNG and JPEG files per class (the classes sorted by name, the files of
/// each by name, sub-folders of a class included), or an IDX file of pictures [N, H, W].
///
/// labels: of an IDX file, empty for the one beside it; classes: its classes' names, may be empty. Throws
/// DataError: nothing there, no pictures, a class without any, pictures and labels that do not fit.
std::unique_ptr<PictureSet> open_pictures(const std::filesystem::path& path,
                                          const std::filesystem::path& labels,
                                          const std::vector<std::string>& classes);

}  // namespace arzoo::image
