#pragma once

#include "core/config.h"

namespace arzoo::image {

/// The "data" section of an image model's config: pictures with classes. No torch in here.
///
/// The pixels that a model sees are the model's: a side of its finest token map times the tokenizer's
/// down-sampling.
struct DataOptions {
  std::string path;
  std::string labels;
  std::string test_path;
  std::string test_labels;
  std::vector<std::string> classes;
  int64_t max_pictures = 0;
  double resize = 1.125;
  bool flip = false;
  double validation = 0.05;
  std::string tokenizer;
  std::string target;
  std::string captions;
  std::string test_captions;

  static void fields(auto& o, auto& field) {
    field(
        "path", o.path, a_path(),
        "pictures to train on, relative to the config file: a folder with a sub-folder of PNG and JPEG files "
        "per class, or an IDX file of pictures (.gz or not)");
    field("labels", o.labels, a_path(),
          "IDX file of the classes; empty for the one beside the pictures (labels-idx1 for images-idx3)");
    field("test_path", o.test_path, a_path(),
          "pictures to test on, of the same kind as path; empty for none");
    field("test_labels", o.test_labels, a_path(), "as labels, for test_path");
    field("classes", o.classes, {},
          "names of an IDX file's classes, in the order of their numbers; a folder's classes are its "
          "sub-folders, sorted by name");
    field("max_pictures", o.max_pictures, at_least(0),
          "pictures of path that are used, evenly spread; 0 for all");
    field("resize", o.resize, between(1, 2),
          "short side of a resized picture (Lanczos) as a multiple of the model's pixels, before the crop");
    field("flip", o.flip, {}, "mirror half of the training pictures");
    field("validation", o.validation, from_below(0, 1), "share of the pictures that validates instead");
    field("tokenizer", o.tokenizer, a_path(),
          "run directory, model folder or weights file of the trained tokenizer, relative to the config "
          "file: a "
          "vqvae for var, a kl_vae for mar, himar, mmar and flowar, a llamagen_vq for llamagen");
    field("target", o.target, a_path(),
          "of an eagle: run directory or model folder of the trained llamagen that it drafts for");
    field(
        "captions", o.captions, a_path(),
        "of a llamagen with model_type t2i: .npy file of the features of each picture's caption, [pictures, "
        "tokens, width], in the order of path's classes and files");
    field("test_captions", o.test_captions, a_path(), "the same of test_path");
  }
  void check() const {
    require(!test_path.empty() || test_labels.empty(), "test_labels says nothing without test_path");
  }
};

/// The "evaluation" section of an image model's config.
struct EvaluationOptions {
  int64_t batch_size = 64;
  int64_t max_pictures = 0;
  bool test = true;
  int64_t shown = 10;
  Json sampling = Json::object();

  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, at_least(1), "pictures at once; results do not depend on it");
    field("max_pictures", o.max_pictures, at_least(0),
          "pictures of a split that are evaluated, evenly spread; 0 for all");
    field("test", o.test, {}, "evaluate the best model on test_path");
    field("shown", o.shown, between(0, 100), "pictures in the report");
    field("sampling", o.sampling, {},
          "options of generation (the model's own), for the report and by default later");
  }
};

}  // namespace arzoo::image
