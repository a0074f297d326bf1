#include "image/measured_captions.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <sstream>

#include "core/error.h"

namespace arzoo::image {
namespace {

constexpr double kShown = 0.2;
constexpr const char *kArticle = "a", *kDark = "dark", *kBright = "bright", *kNarrow = "narrow",
                     *kWide = "wide";

/// -1 for no word of the model.
int64_t id_of_word(const MmarOptions& options, const std::string& word) {
  const auto found = std::find(options.words.begin(), options.words.end(), word);
  return found == options.words.end() ? -1 : options.first_word() + (found - options.words.begin());
}

int64_t needed_id(const MmarOptions& options, const std::string& word) {
  const int64_t id = id_of_word(options, word);
  require(id >= 0, "words: \"{}\" is missing, captions need it", word);
  return id;
}

}  // namespace

at::Tensor measured_look(const at::Tensor& images) {
  const auto grey = images.mean(1).add(1.0).mul(0.5);        // [B, P, P]
  const auto columns = std::get<0>(grey.max(1)).gt(kShown);  // [B, P]
  const int64_t side = columns.size(1);
  const auto place = at::arange(side, columns.options().dtype(at::kFloat));
  const auto last = at::where(columns, place, at::full_like(place, -1.0)).amax(1);
  const auto first = at::where(columns, place, at::full_like(place, static_cast<double>(side))).amin(1);
  const auto breadth = (last - first + 1.0).clamp_min(0.0) / static_cast<double>(side);
  return at::stack({grey.flatten(1).mean(1), breadth}, 1).to(at::kFloat);
}

CaptionGrammar::CaptionGrammar(const MmarOptions& options, const std::vector<std::string>& classes)
    : options_(options), classes_(classes) {
  std::vector<int64_t> ids;
  for (const auto& name : classes) ids.push_back(needed_id(options, name));
  for (const auto* word : {kArticle, kDark, kBright, kNarrow, kWide}) needed_id(options, word);
  class_ids_ = at::tensor(ids, at::kLong);
  const auto known = all();
  for (const auto& text : options.unseen)
    require(std::find(known.begin(), known.end(), text) != known.end(),
            "unseen: \"{}\" is no caption, expected one as \"{}\"", text, known.front());
  unseen_ = captions_of_texts(options, options.unseen).words;
}

Captions CaptionGrammar::captions(const at::Tensor& labels, const at::Tensor& look) const {
  const auto word = [&](const char* name) { return needed_id(options_, name); };
  const auto either = [&](int64_t column, double from, const char* above, const char* below) {
    const auto is_above = look.select(1, column).ge(from);
    return at::where(is_above, at::full_like(labels, word(above)), at::full_like(labels, word(below)));
  };
  const auto words = at::stack(
      {at::full_like(labels, word(kArticle)), either(0, options_.brightness, kBright, kDark),
       either(1, options_.breadth, kWide, kNarrow), class_ids_.to(labels.device()).index_select(0, labels)},
      1);
  return {words, at::full_like(labels, words.size(1))};
}

std::vector<std::string> CaptionGrammar::all() const {
  std::vector<std::string> texts;
  for (const auto& name : classes_) {
    for (const auto* light : {kDark, kBright}) {
      for (const auto* breadth : {kNarrow, kWide})
        texts.push_back(fmt::format("{} {} {} {}", kArticle, light, breadth, name));
    }
  }
  return texts;
}

at::Tensor CaptionGrammar::is_unseen(const at::Tensor& words) const {
  if (options_.unseen.empty()) return at::zeros({words.size(0)}, words.options().dtype(at::kBool));
  return words.unsqueeze(1).eq(unseen_.to(words.device())).all(2).any(1);
}

at::Tensor CaptionGrammar::matches(const at::Tensor& images, const at::Tensor& asked) const {
  const auto look = measured_look(images);
  const auto agrees = [&](int64_t column, double from, int64_t step) {
    const auto said = asked.div(step, "floor").remainder(2).to(at::kBool);
    return look.select(1, column).ge(from).eq(said);
  };
  return at::stack({agrees(0, options_.brightness, 2), agrees(1, options_.breadth, 1)}, 1);
}

std::vector<int64_t> caption_ids(const MmarOptions& options, const std::string& text) {
  std::istringstream stream(text);
  std::vector<int64_t> ids;
  for (std::string word; stream >> word;) {
    const int64_t id = id_of_word(options, word);
    if (id < 0)
      fail<UsageError>("--text: \"{}\" is no word of the model, expected words of: {}", word,
                       fmt::join(options.words, ", "));
    ids.push_back(id);
  }
  return ids;
}

Captions captions_of_texts(const MmarOptions& options, const std::vector<std::string>& texts) {
  std::vector<std::vector<int64_t>> rows;
  std::size_t longest = 0;
  for (const auto& text : texts) {
    rows.push_back(caption_ids(options, text));
    longest = std::max(longest, rows.back().size());
  }
  std::vector<int64_t> all, lengths;
  for (auto& row : rows) {
    lengths.push_back(static_cast<int64_t>(row.size()));
    row.resize(longest, options.special_tokens.pad);
    all.insert(all.end(), row.begin(), row.end());
  }
  const auto count = static_cast<int64_t>(texts.size());
  return {at::tensor(all, at::kLong).view({count, static_cast<int64_t>(longest)}),
          at::tensor(lengths, at::kLong)};
}

std::string caption_text(const MmarOptions& options, const at::Tensor& ids) {
  std::vector<std::string> words;
  for (int64_t i = 0; i < ids.size(0); ++i) {
    const int64_t id = ids[i].item<int64_t>(), word = id - options.first_word();
    if (id == options.special_tokens.eos || id == options.special_tokens.pad) break;
    const bool known = word >= 0 && word < static_cast<int64_t>(options.words.size());
    words.push_back(known ? options.words[static_cast<std::size_t>(word)] : fmt::format("<{}>", id));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace arzoo::image
