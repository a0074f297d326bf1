#pragma once

#include "image/mmar_model.h"

/// Captions of what can be measured of a picture of one thing on a dark ground: "a dark wide bag". A closed
/// grammar: a mechanism's demonstration, not language.
namespace arzoo::image {

/// Mean grey level, and the share of the width that pixels above 0.2 cover, both in [0, 1]. images: [B, 3, P,
/// P] in [-1, 1]; returns [B, 2].
at::Tensor measured_look(const at::Tensor& images);

/// Adjectives of a class's caption: light and breadth, with two words each.
inline constexpr int64_t kLooks = 4;

/// The captions of a model's words.
class CaptionGrammar {
 public:
  /// classes: their names, words of the model each. Throws ConfigError for one that is none, and for unseen
  /// captions that are none.
  CaptionGrammar(const MmarOptions& options, const std::vector<std::string>& classes);

  /// Of pictures of these classes, [B] long, that look like this, [B, 2] (measured_look): each has four
  /// words.
  Captions captions(const at::Tensor& labels, const at::Tensor& look) const;
  /// Every caption there is: of each class dark narrow, dark wide, bright narrow, bright wide.
  std::vector<std::string> all() const;
  /// Which captions, [B, 4] ids, the training leaves out: [B] bool.
  at::Tensor is_unseen(const at::Tensor& words) const;
  /// Which words of the captions that were asked for, numbers in all() [B] long, pictures do not contradict:
  /// light and breadth, [B, 2] bool. images: [B, 3, P, P] in [-1, 1].
  at::Tensor matches(const at::Tensor& images, const at::Tensor& asked) const;

 private:
  MmarOptions options_;
  std::vector<std::string> classes_;
  at::Tensor class_ids_;  ///< [classes] long
  at::Tensor unseen_;     ///< [unseen captions, 4] ids
};

/// A caption as ids. Throws UsageError that names a word the model does not know, with those that it does.
std::vector<int64_t> caption_ids(const MmarOptions& options, const std::string& text);
/// Captions together; an empty text is no caption.
Captions captions_of_texts(const MmarOptions& options, const std::vector<std::string>& texts);
/// The words of a row of ids [W], up to eos or padding.
std::string caption_text(const MmarOptions& options, const at::Tensor& ids);

}  // namespace arzoo::image
