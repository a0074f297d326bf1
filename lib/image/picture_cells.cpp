#include "image/picture_cells.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "core/error.h"
#include "core/seeded_random.h"
#include "core/stop.h"
#include "image/autoencoder.h"
#include "image/captioned_generator.h"
#include "image/model_folder.h"
#include "image/picture_data.h"
#include "image/picture_features.h"
#include "image/sample_metrics.h"
#include "runtime/epoch_order.h"
#include "runtime/metrics_json.h"
#include "runtime/peak_memory.h"
#include "runtime/train_state.h"

namespace arzoo::image {
namespace {

namespace fs = std::filesystem;
using runtime::Split;

std::unique_ptr<runtime::ImageGenerator> generator_of(const PictureCellOptions& cell,
                                                      const runtime::ImageGenerators& generators,
                                                      const runtime::Compute& compute) {
  Json generation = cell.sampling;
  if (cell.cfg) generation["cfg"] = *cell.cfg;
  if (!cell.depth_schedule.empty()) generation["depth_schedule"] = cell.depth_schedule;
  if (cell.steps) generation["steps"] = *cell.steps;
  if (cell.random.empty()) {
    runtime::ImageSource source;
    source.model = cell.model;
    source.draft_steps = cell.draft_steps;
    if (!cell.drafter.empty()) source.drafter = cell.drafter;
    if (!cell.refiner.empty()) source.refiner = cell.refiner;
    // The model is the other of the two.
    return generators.open(source, generation, compute);
  }
  runtime::seed(cell.seed);
  std::vector<Config> models;
  for (const auto& path : cell.random) models.push_back(Config::load(path).at("model"));
  return generators.random(models, cell.draft_steps, generation, compute, nullptr);
}

/// Gets pictures of a model and their classes.
using PictureVisitor =
    std::function<void(const runtime::ImageGenerator&, const at::Tensor& images, const at::Tensor& labels)>;

/// The features of the real pictures that were looked at last.
class RealFeatures {
 public:
  /// Those of this key, which says all that they depend on.
  std::shared_ptr<const PictureFeatures> get(const std::string& key,
                                             const std::function<PictureFeatures()>& look) {
    if (key != key_ || features_ == nullptr) {
      features_ = nullptr;
      features_ = std::make_shared<const PictureFeatures>(look());
      key_ = key;
    }
    return features_;
  }

 private:
  std::string key_;
  std::shared_ptr<const PictureFeatures> features_;
};

/// One for all cells that exist together, those of a suite; gone with the last of them.
std::shared_ptr<RealFeatures> common_real_features() {
  static std::weak_ptr<RealFeatures> common;
  auto features = common.lock();
  if (features == nullptr) common = features = std::make_shared<RealFeatures>();
  return features;
}

/// What a measurement works with.
struct Bench {
  const PictureCellOptions& cell;
  const runtime::ImageGenerators& generators;
  RealFeatures& real;
  const runtime::Compute& compute;
  Progress& progress;
  Stop stop;
};

/// What decoding with drafts came to.
void add_decoding(runtime::Metrics& costs, const Json& decoding, double pictures) {
  costs.emplace_back("passes_per_picture", decoding.at("passes").get<double>() / pictures);
  costs.emplace_back("tokens_per_pass", decoding.at("tokens_per_pass").get<double>());
  if (const double passes = decoding.at("drafter_passes").get<double>(); passes > 0)
    costs.emplace_back("drafter_passes_per_picture", passes / pictures);
  const auto& shares = decoding.at("accepted_by_depth");
  for (std::size_t depth = 1; depth <= shares.size() && depth <= 8; depth *= 2)
    costs.emplace_back(fmt::format("accepted_{}", depth), shares[depth - 1].get<double>());
}

/// Adds what one batch shows of its captions to what those before it showed.
void add_matches(std::vector<CaptionMatch>& all, const std::vector<CaptionMatch>& batch) {
  for (const auto& match : batch) {
    const auto same =
        std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.name == match.name; });
    if (same == all.end()) {
      all.push_back(match);
      continue;
    }
    same->matches += match.matches;
    same->pictures += match.pictures;
  }
}

/// Generates the pictures of a cell, its classes in turn, and shows them to `visit` as they are stored.
/// Returns what that cost.
runtime::Metrics sample(const Bench& bench, const PictureVisitor& visit) {
  const auto& [cell, generators, real, compute, progress, stop] = bench;
  const runtime::PeakMemory memory(compute.device);
  const auto generator = generator_of(cell, generators, compute);
  progress.begin("pictures", cell.count);
  std::chrono::duration<double> generation{0};
  int64_t cached = 0;
  const auto* captioned = dynamic_cast<const CaptionedGenerator*>(generator.get());
  std::vector<CaptionMatch> matches;
  for (int64_t first = 0; first < cell.count; first += cell.batch_size) {
    const int64_t count = std::min(cell.batch_size, cell.count - first);
    runtime::ImageBatch batch;
    batch.labels = at::arange(first, first + count, at::kLong).remainder_(generator->classes());
    batch.seeds = item_seeds(static_cast<uint64_t>(cell.seed), static_cast<uint64_t>(first),
                             static_cast<std::size_t>(count));
    const auto begun = std::chrono::steady_clock::now();
    const auto images = generator->sample(batch, [](int64_t, const auto&) {});
    generation += std::chrono::steady_clock::now() - begun;
    cached = std::max(cached, generator->cache_bytes());
    const auto stored = as_stored(images, generator->channels());
    if (captioned != nullptr) add_matches(matches, captioned->caption_matches(stored, batch.labels));
    visit(*generator, stored, batch.labels);
    progress.step({}, count);
    stop_if_asked(stop, "measuring pictures");
  }
  progress.end();
  constexpr double kMib = 1 << 20;
  runtime::Metrics costs{{"seconds_per_picture", generation.count() / static_cast<double>(cell.count)},
                         {"parameters_m", static_cast<double>(generator->parameters()) / 1e6}};
  for (const auto& match : matches)
    costs.emplace_back(match.name, static_cast<double>(match.matches) / static_cast<double>(match.pictures));
  if (cached > 0) costs.emplace_back("cache_mib", static_cast<double>(cached) / kMib);
  if (const auto decoding = generator->decoding(); !decoding.is_null())
    add_decoding(costs, decoding, static_cast<double>(cell.count));
  if (const auto peak = memory.bytes()) costs.emplace_back("peak_mib", static_cast<double>(*peak) / kMib);
  return costs;
}

/// How long the model of a run directory was trained, if it is one: steps of the optimiser.
runtime::Metrics training_of(const PictureCellOptions& cell) {
  const auto state = fs::path(cell.model) / "last" / "training.json";
  if (!fs::exists(state)) return {};
  const auto steps = Config::load(state).at("state").as<runtime::TrainState>().step;
  return {{"training_steps", static_cast<double>(steps)}};
}

/// What is measured with one model.
class Comparison {
 public:
  explicit Comparison(const Bench& bench)
      : bench_(bench),
        cell_(bench.cell),
        compute_(bench.compute),
        progress_(bench.progress),
        stop_(bench.stop),
        net_(open_feature_net(cell_.features, compute_)),
        net_classes_(find_model_folder(cell_.features)->classes),
        real_(data_options(cell_), net_->options().pixels) {}

  Json run() {
    const auto real = real_features();
    FeatureCollector made(*net_, compute_.device);
    const auto folder = find_model_folder(cell_.model);
    const auto tokenizer = folder ? open_autoencoder(*folder, compute_) : nullptr;
    const auto extra =
        tokenizer ? reconstruct(tokenizer, folder->facts.channels, made)
                  : sample(bench_, [&](const auto& generator, const auto& images, const auto& labels) {
                      made.add(images, told_classes(generator, labels));
                    });
    const auto generated = made.result();
    auto metrics = compare_pictures(*real, generated, cell_.metric_name);
    metrics.insert(metrics.end(), extra.begin(), extra.end());
    const auto training = training_of(cell_);
    metrics.insert(metrics.end(), training.begin(), training.end());
    return {{"test", runtime::metrics_json(metrics)}, {"pictures", generated.features.size(0)}};
  }

 private:
  static DataOptions data_options(const PictureCellOptions& cell) {
    DataOptions options;
    options.path = cell.pictures;
    options.resize = 1.0;
    options.validation = 0.0;
    return options;
  }

  /// Whether the feature network's classes are these, so that it can tell whether a picture is of its class.
  bool is_told(const std::vector<std::string>& names, int64_t classes) const {
    return classes <= net_->options().num_classes && are_same_classes(names, net_classes_);
  }
  /// The classes of generated pictures, or the nouns of their captions, likewise.
  at::Tensor told_classes(const runtime::ImageGenerator& generator, const at::Tensor& labels) const {
    const auto* captioned = dynamic_cast<const CaptionedGenerator*>(&generator);
    if (captioned == nullptr || captioned->nouns().empty())
      return is_told(generator.class_names(), generator.classes()) ? labels : at::Tensor();
    const auto& nouns = captioned->nouns();
    return is_told(nouns, static_cast<int64_t>(nouns.size())) ? captioned->nouns_of(labels) : at::Tensor();
  }
  /// The labels of real pictures as far as the feature network can tell them.
  at::Tensor told_labels(const at::Tensor& labels) const {
    const auto& names = real_.class_names();
    return is_told(names, static_cast<int64_t>(names.size())) ? labels : at::Tensor();
  }

  /// Calls `visit` with the real pictures in [0, 1] and their labels, `wanted` of them evenly spread, 0 for
  /// all.
  template <class Visit>
  void each_real(int64_t wanted, const Visit& visit) {
    const auto items = runtime::spread_items(real_.size(Split::train), wanted);
    const auto batch = static_cast<std::size_t>(cell_.batch_size);
    for (std::size_t first = 0; first < items.size(); first += batch) {
      const auto part = std::span(items).subspan(first, std::min(batch, items.size() - first));
      const auto pictures = real_.batch(Split::train, part, nullptr);
      visit(pictures.images.add(1.0).div_(2.0), pictures.labels);
      progress_.step({}, static_cast<int64_t>(part.size()));
      stop_if_asked(stop_, "measuring pictures");
    }
  }

  /// The same for all cells of a suite that compare with these pictures.
  std::shared_ptr<const PictureFeatures> real_features() {
    const auto key = dump_json(Json{cell_.pictures, cell_.features, cell_.batch_size, compute_.device.str()});
    return bench_.real.get(key, [this] {
      FeatureCollector real(*net_, compute_.device);
      progress_.begin("real pictures", real_.size(Split::train));
      each_real(0, [&](const at::Tensor& images, const at::Tensor& labels) {
        real.add(images, told_labels(labels));
      });
      progress_.end();
      return real.result();
    });
  }

  runtime::Metrics reconstruct(const Reconstruction& tokenizer, int64_t channels, FeatureCollector& made) {
    double decibels = 0.0, pictures = 0.0;
    progress_.begin("reconstructions", cell_.count);
    each_real(cell_.count, [&](const at::Tensor& images, const at::Tensor& labels) {
      const c10::InferenceMode inference;
      const auto pixels = images.mul(2.0).sub_(1.0).to(compute_.device);
      const auto again = as_stored(tokenizer(pixels).cpu().add(1.0).div_(2.0), channels);
      decibels += signal_to_noise(squared_error(again, images), 1.0).sum().item<double>();
      pictures += static_cast<double>(images.size(0));
      made.add(again, told_labels(labels));
    });
    progress_.end();
    return {{"psnr", decibels / pictures}};
  }

  const Bench& bench_;
  const PictureCellOptions& cell_;
  runtime::Compute compute_;
  Progress& progress_;
  Stop stop_;
  std::shared_ptr<FeatureNet> net_;
  std::vector<std::string> net_classes_;
  PictureData real_;
};

Json compare_files(const PictureCellOptions& cell) {
  const auto samples = read_features(cell.samples);
  const auto metrics = compare_pictures(read_features(cell.reference), samples, cell.metric_name);
  return {{"test", runtime::metrics_json(metrics)},
          {"pictures", samples.features.defined() ? samples.features.size(0) : 0}};
}

/// What generation saves beside another cell's: "speedup" (times as fast), "cache_saved" and "memory_saved"
/// (shares of the other's).
runtime::Metrics savings_of(const Json& test, const Json& beside) {
  const auto share = [&](const char* cost) -> std::optional<double> {
    if (!test.contains(cost) || !beside.contains(cost)) return std::nullopt;
    return test[cost].get<double>() / beside[cost].get<double>();
  };
  runtime::Metrics metrics;
  if (const auto time = share("seconds_per_picture")) metrics.emplace_back("speedup", 1.0 / *time);
  if (const auto cache = share("cache_mib")) metrics.emplace_back("cache_saved", 1.0 - *cache);
  if (const auto memory = share("peak_mib")) metrics.emplace_back("memory_saved", 1.0 - *memory);
  return metrics;
}

class PictureCell final : public runtime::CellOf<PictureCellOptions> {
 public:
  PictureCell(PictureCellOptions options, const runtime::ImageGenerators& generators)
      : CellOf(std::move(options)), generators_(generators) {}

  std::vector<fs::path> inputs() const override {
    std::vector<fs::path> inputs{options_.pictures, options_.model,   options_.drafter,  options_.refiner,
                                 options_.features, options_.samples, options_.reference};
    inputs.insert(inputs.end(), options_.random.begin(), options_.random.end());
    return inputs;
  }

  Json run(const runtime::Compute& compute, Progress& progress, Stop stop) const override {
    if (!options_.samples.empty()) return compare_files(options_);
    const Bench bench{options_, generators_, *real_, compute, progress, stop};
    if (options_.random.empty()) return Comparison(bench).run();
    return {{"test", runtime::metrics_json(sample(bench, [](const auto&...) {}))},
            {"pictures", options_.count}};
  }

  runtime::Metrics savings(const Json& test, const Json& beside) const override {
    return savings_of(test, beside);
  }

 private:
  runtime::ImageGenerators generators_;
  std::shared_ptr<RealFeatures> real_ = common_real_features();
};

}  // namespace

std::shared_ptr<const runtime::Evaluation> read_picture_cell(const Config& cell,
                                                             const runtime::CellContext& context) {
  auto options = cell.as<PictureCellOptions>();
  for (auto* path : {&options.model, &options.drafter, &options.refiner}) context.find_model(*path);
  for (auto* path : {&options.pictures, &options.features, &options.samples, &options.reference})
    context.find_file(*path);
  for (auto& path : options.random) context.find_file(path);
  options.seed = context.seed.value_or(options.seed);
  return std::make_shared<PictureCell>(std::move(options), context.generators);
}

}  // namespace arzoo::image
