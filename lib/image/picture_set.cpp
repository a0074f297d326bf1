#include "image/picture_set.h"

#include <algorithm>

#include "core/error.h"
#include "core/fetched_data.h"
#include "io/idx_file.h"
#include "io/picture_file.h"

namespace arzoo::image {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostElongated = 64;

/// A strip grows with its length when its short side is resized.
void refuse_strips(int64_t width, int64_t height, const fs::path& path) {
  if (std::max(width, height) > kMostElongated * std::min(width, height))
    fail<DataError>("{}: pictures of {}x{} pixels, expected sides of similar length (at most {} to 1)",
                    path.string(), width, height, kMostElongated);
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  if (const auto at = text.rfind(from); at != std::string::npos) text.replace(at, from.size(), to);
}

/// train-labels-idx1-ubyte.gz for train-images-idx3-ubyte.gz.
fs::path labels_beside(const fs::path& pictures) {
  auto name = pictures.filename().string();
  replace(name, "images", "labels");
  replace(name, "idx3", "idx1");
  return pictures.parent_path() / name;
}

class IdxPictures : public PictureSet {
 public:
  IdxPictures(const fs::path& path, const fs::path& labels, const std::vector<std::string>& classes)
      : pictures_(io::read_idx(path)), classes_(classes) {
    const auto labels_path = labels.empty() ? labels_beside(path) : labels;
    if (labels.empty() && (labels_path == path || !fs::exists(labels_path))) {
      fail<DataError>("{}: no labels beside it, expected {} (or name them in data.labels)", path.string(),
                      labels_path.string());
    }
    labels_ = io::read_idx(labels_path);
    const auto& sizes = pictures_.sizes;
    if (sizes.size() != 3 || sizes[0] == 0 || sizes[1] == 0 || sizes[2] == 0)
      fail<DataError>("{}: an array of {} axes, expected pictures [N, H, W]", path.string(), sizes.size());
    refuse_strips(sizes[2], sizes[1], path);
    if (labels_.sizes.size() != 1 || labels_.sizes[0] != sizes[0]) {
      fail<DataError>("{}: {} labels on {} axes, expected one for each of the {} pictures in {}",
                      labels_path.string(), labels_.sizes[0], labels_.sizes.size(), sizes[0], path.string());
    }
    if (classes_.empty()) return;
    for (int64_t i = 0; i < size(); ++i) {
      if (label(i) >= static_cast<int64_t>(classes_.size()))
        fail<DataError>("{}: label {} is {}, but data.classes has {} names", labels_path.string(), i,
                        label(i), classes_.size());
    }
  }
  int64_t size() const override { return pictures_.sizes[0]; }
  int64_t label(int64_t index) const override { return static_cast<uint8_t>(labels_.bytes[index]); }
  io::Picture picture(int64_t index) const override {
    io::Picture picture{.width = pictures_.sizes[2], .height = pictures_.sizes[1], .channels = 1};
    const int64_t bytes = picture.width * picture.height;
    const auto* const first = reinterpret_cast<const uint8_t*>(pictures_.bytes.data()) + index * bytes;
    picture.pixels.assign(first, first + bytes);
    return picture;
  }
  const std::vector<std::string>& class_names() const override { return classes_; }
  int64_t common_side() const override {
    return pictures_.sizes[1] == pictures_.sizes[2] ? pictures_.sizes[1] : 0;
  }

 private:
  io::IdxArray pictures_, labels_;
  std::vector<std::string> classes_;
};

class FolderPictures : public PictureSet {
 public:
  explicit FolderPictures(const fs::path& folder) {
    std::vector<fs::path> classes;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.is_directory() && !entry.path().filename().string().starts_with("."))
        classes.push_back(entry);
    }
    std::sort(classes.begin(), classes.end());
    if (classes.empty())
      fail<DataError>("{}: no sub-folders, expected one per class with its pictures", folder.string());
    for (const auto& path : classes) {
      auto paths = io::pictures_below(path);
      if (paths.empty())
        fail<DataError>("{}: no pictures of this class, expected .png, .jpg or .jpeg files", path.string());
      labels_.insert(labels_.end(), paths.size(), static_cast<int64_t>(classes_.size()));
      std::move(paths.begin(), paths.end(), std::back_inserter(paths_));
      classes_.push_back(path.filename().string());
    }
  }
  int64_t size() const override { return static_cast<int64_t>(paths_.size()); }
  int64_t label(int64_t index) const override { return labels_[index]; }
  io::Picture picture(int64_t index) const override {
    auto picture = io::read_picture(paths_[index]);
    refuse_strips(picture.width, picture.height, paths_[index]);
    return picture;
  }
  const std::vector<std::string>& class_names() const override { return classes_; }
  int64_t common_side() const override { return 0; }

 private:
  std::vector<fs::path> paths_;
  std::vector<int64_t> labels_;
  std::vector<std::string> classes_;
};

}  // namespace

std::unique_ptr<PictureSet> open_pictures(const fs::path& path, const fs::path& labels,
                                          const std::vector<std::string>& classes) {
  if (path.empty()) fail<DataError>("data.path: is empty, expected the pictures to train on");
  if (!fs::exists(path)) {
    const auto hint = fetch_hint(path);
    fail<DataError>("{}: no such file or folder{}", path.string(),
                    hint.empty() ? " (data.path expects pictures to train on)" : hint);
  }
  if (!fs::is_directory(path)) return std::make_unique<IdxPictures>(path, labels, classes);
  if (!classes.empty() || !labels.empty()) {
    fail<DataError>("{}: is a folder, whose classes are its sub-folders: leave out data.{}", path.string(),
                    classes.empty() ? "labels" : "classes");
  }
  return std::make_unique<FolderPictures>(path);
}

}  // namespace arzoo::image
