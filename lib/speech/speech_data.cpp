#include "speech/speech_data.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "speech/audio/recording.h"
#include "speech/spec_augment.h"

namespace arzoo::speech {
namespace {

using runtime::Split;

constexpr int64_t kMostSamples = int64_t{192000} * 3600;
constexpr std::size_t kValidationStep = 20;

Vocabulary::Units units_of(const DataOptions& o) {
  return o.tokenizer == "words" ? Vocabulary::Units::words : Vocabulary::Units::characters;
}

/// The special tokens, the units of the labels in the order of their bytes, and <unk>.
Vocabulary vocabulary_of(const DataOptions& o, const std::vector<std::string>& specials) {
  if (!o.tokens.empty()) return Vocabulary::open(o.tokens, units_of(o));
  std::set<std::string> units;
  for (const auto& line : read_manifest(o.train)) {
    for (auto& unit : split_units(line.text, units_of(o))) units.insert(std::move(unit));
  }
  auto tokens = specials;
  for (const auto& unit : units) {
    if (std::find(specials.begin(), specials.end(), unit) == specials.end()) tokens.push_back(unit);
  }
  if (std::find(tokens.begin(), tokens.end(), "<unk>") == tokens.end()) tokens.emplace_back("<unk>");
  return {std::move(tokens), units_of(o)};
}

at::Tensor resampled(const at::Tensor& samples, double speed) {
  if (speed == 1.0) return samples;
  const auto count = static_cast<int64_t>(static_cast<double>(samples.size(0)) / speed);
  return at::upsample_linear1d(samples.view({1, 1, -1}), {count}, false).view({-1});
}

}  // namespace

SpeechData::SpeechData(const DataOptions& options, const std::vector<std::string>& specials)
    : options_(options), vocabulary_(vocabulary_of(options, specials)) {
  const auto all = read_manifest(options.train);
  if (options.val.empty()) {
    std::vector<ManifestLine> train, val;
    for (std::size_t i = 0; i < all.size(); ++i)
      (i % kValidationStep == kValidationStep - 1 ? val : train).push_back(all[i]);
    load(Split::train, train, options.augment.speeds);
    load(Split::val, val, {1.0});
  } else {
    load(Split::train, all, options.augment.speeds);
    load(Split::val, read_manifest(options.val), {1.0});
  }
  if (!options.test.empty()) load(Split::test, read_manifest(options.test), {1.0});
  if (items_of(Split::train).empty()) fail<DataError>("{}: no recording to train on", options.train);
  cmvn_ = measured();
}

void SpeechData::load(Split split, const std::vector<ManifestLine>& lines,
                      const std::vector<double>& speeds) {
  auto& items = splits_.at(static_cast<std::size_t>(split));
  const auto rate = static_cast<int>(options_.frontend_conf.fs);
  auto plain = options_.frontend_conf;
  plain.dither = 0.0;
  for (const auto& line : lines) {
    const auto name = line.path.string();
    if (!line.has_text) fail<DataError>("{}: has no text in the manifest", name);
    auto tokens = vocabulary_.encode(line.text);
    if (std::find(tokens.begin(), tokens.end(), -1) != tokens.end())
      fail<DataError>("{}: \"{}\" has a word that is no token", name, line.text);
    const auto samples =
        read_all(*open_recording(line.path, rate), name, static_cast<std::size_t>(kMostSamples));
    const double seconds = static_cast<double>(samples.size()) / rate;
    if (seconds > options_.max_seconds) {
      ++left_out_;
      continue;
    }
    longest_ = std::max(longest_, seconds);
    if (split == Split::train) seconds_ += seconds;
    const auto wave = at::tensor(samples, at::kFloat);
    for (const double speed : speeds)
      items.push_back({log_mel_filterbank(resampled(wave, speed), plain), tokens, name});
  }
}

Cmvn SpeechData::measured() const {
  at::Tensor sum, squares;
  int64_t count = 0;
  const auto& o = options_.frontend_conf;
  for (const auto& item : items_of(Split::train)) {
    const auto features = stack_frames(item.frames, o.lfr_m, o.lfr_n).to(at::kDouble);
    sum = sum.defined() ? sum + features.sum(0) : features.sum(0);
    squares = squares.defined() ? squares + features.square().sum(0) : features.square().sum(0);
    count += features.size(0);
  }
  const auto mean = sum / static_cast<double>(count);
  const auto deviation = (squares / static_cast<double>(count) - mean.square()).clamp_min(1e-6).sqrt();
  return {(-mean).to(at::kFloat), (1.0 / deviation).to(at::kFloat)};
}

at::Tensor SpeechData::augmented(const at::Tensor& frames, std::mt19937_64& random,
                                 const at::Generator& noise) const {
  const auto& o = options_.augment;
  std::uniform_real_distribution<double> even(-1.0, 1.0);
  auto own = frames;
  const int64_t filters = frames.size(1);
  if (o.noise > 0.0) {
    // Energies add up: the louder of voice and noise is what a filter hears.
    const double level = frames.mean().item<double>() - o.noise * (1.0 + 0.5 * even(random));
    const double slope = even(random);
    const auto place = at::linspace(-1.0, 1.0, filters);
    own = at::logaddexp(own, level + slope * place + 0.5 * at::randn(own.sizes(), noise));
  }
  if (o.tilt > 0.0) {
    const auto place = at::linspace(-1.0, 1.0, filters);
    const double a = even(random), b = even(random), c = even(random);
    own = own + o.tilt * (0.6 * a * place + 0.3 * b * (3.0 * place).cos() + 0.3 * c * (5.0 * place).sin());
  }
  if (o.gain > 0.0) own = own + o.gain * even(random);
  return own;
}

SpeechBatch SpeechData::batch(Split split, std::span<const int64_t> items, std::mt19937_64* random,
                              double silence) const {
  const auto& o = options_.frontend_conf;
  // Not the default generator: batches are made on a thread of their own.
  const auto generator = at::detail::createCPUGenerator(random != nullptr ? (*random)() : 0);
  std::vector<at::Tensor> features, labels;
  std::vector<int64_t> lengths, counts;
  for (const auto item : items) {
    const auto& own = items_of(split)[static_cast<std::size_t>(item)];
    auto frames = random != nullptr ? augmented(own.frames, *random, generator) : own.frames;
    if (silence > 0.0) {
      const auto rows = static_cast<int64_t>(silence * 1000.0 / o.frame_shift);
      const auto quiet = std::get<0>(frames.min(0)).unsqueeze(0).expand({rows, -1});
      frames = at::cat({frames, quiet + 0.1 * at::randn(quiet.sizes(), generator)});
    }
    features.push_back(cmvn_.apply(stack_frames(frames, o.lfr_m, o.lfr_n)));
    labels.push_back(at::tensor(own.tokens, at::kLong));
    lengths.push_back(features.back().size(0));
    counts.push_back(labels.back().size(0));
  }
  auto padded = with_frames_behind(torch::nn::utils::rnn::pad_sequence(features, true), kFramesBehind);
  if (random != nullptr && options_.specaug_conf.any())
    padded = spec_augment(padded, options_.specaug_conf, generator);
  return {padded, at::tensor(lengths, at::kLong), torch::nn::utils::rnn::pad_sequence(labels, true, -1),
          at::tensor(counts, at::kLong)};
}

void SpeechData::require_frames(const SpeechModel& model) const {
  const auto& o = options_.frontend_conf;
  for (const auto& items : splits_) {
    for (const auto& item : items) {
      const auto tokens = static_cast<int64_t>(item.tokens.size());
      const int64_t frames = (item.frames.size(0) + o.lfr_n - 1) / o.lfr_n,
                    fewest = model.fewest_frames(tokens);
      if (tokens == 0) fail<DataError>("{}: its text is empty", item.path);
      if (frames < fewest)
        fail<DataError>("{}: {} tokens in {} frames, expected at least {} frames", item.path, tokens, frames,
                        fewest);
    }
  }
}

std::string SpeechData::summary() const {
  auto text = fmt::format("{} recordings to train on ({:.1f} minutes), {} to validate, {} to test, {} tokens",
                          items_of(Split::train).size(), seconds_ / 60.0, items_of(Split::val).size(),
                          items_of(Split::test).size(), vocabulary_.size());
  if (left_out_ > 0)
    text += fmt::format("; {} longer than {} s are left out", left_out_, options_.max_seconds);
  return text;
}

}  // namespace arzoo::speech
