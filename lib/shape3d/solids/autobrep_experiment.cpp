#include "shape3d/solids/autobrep_experiment.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "runtime/named_tensors.h"
#include "runtime/training_options.h"
#include "shape3d/solids/autobrep_generator.h"
#include "shape3d/solids/brep_codes.h"
#include "shape3d/solids/brep_fixture.h"
#include "shape3d/solids/canonical_grids.h"

namespace arzoo::shape3d {
namespace {

using runtime::Split;

constexpr double kTurnedShare = 0.1;      // of training solids, as officially
constexpr std::size_t kComplexityAt = 2;  // in a sequence
constexpr int64_t kTurns = 2;             // rotated versions of a training solid

ModelFolder coders_folder(const Config& config) {
  const auto source = config.at("data").at("tokenizer");
  if (source.text().empty()) source.reject("an autobrep needs a trained autobrep_fsq");
  return open_model_folder(source.text());
}

io::CadLimits solid_limits(const AutobrepOptions& options) {
  io::CadLimits limits;
  limits.side = BrepCoder::kSamples;
  limits.faces = options.max_face;
  limits.edges = options.max_edge;
  return limits;
}

}  // namespace

AutobrepExperiment::AutobrepExperiment(const Config& config, const runtime::Compute& compute)
    : compute_(compute),
      model_section_(config.json().at("model")),
      sampling_(config.json().at("evaluation").at("sampling")),
      seed_(config.json().at("seed").get<int64_t>()),
      tokenizer_(coders_folder(config)),
      coders_(load_model<AutobrepFsq, AutobrepFsqOptions>(tokenizer_, at::kFloat)),
      model_(runtime::build_module<Autobrep, AutobrepOptions>(config.at("model"))) {
  const auto& options = model_->options();
  const auto section = config.at("model");
  const auto check = [&](const char* key, int64_t value, const BrepCoder& coder) {
    const int64_t codes = coder.options().codes();
    if (value != codes)
      section.at(key).reject(fmt::format("{}, but the tokenizer has {} codes", value, codes));
  };
  check("surf_codebook_size", options.surf_codebook_size, coders_->surface());
  check("edge_codebook_size", options.edge_codebook_size, coders_->edge());
  coders_->to(compute.device);
  const SolidData data(config, solid_limits(options));
  notes_ = data.notes();
  train_ = sequences_of(data, Split::train, options.aug ? &turned_ : nullptr);
  val_ = sequences_of(data, Split::val, nullptr);
  test_ = sequences_of(data, Split::test, nullptr);
  if (train_.empty()) fail<DataError>("no solid to train on");
  std::size_t longest = 0;
  for (const auto& sequence : train_) longest = std::max(longest, sequence.size());
  notes_.push_back(fmt::format("the longest solid has {} tokens", longest));
  model_->initialise();
  model_->to(compute.device);
  const auto training = config.at("training").as<runtime::TrainingOptions>();
  order_ = std::make_unique<runtime::EpochOrder>(static_cast<int64_t>(train_.size()), seed_,
                                                 training.batch_size, compute.share);
}

AutobrepExperiment::Sequences AutobrepExperiment::sequences_of(const SolidData& data, Split split,
                                                               std::vector<Sequences>* turned) {
  Sequences sequences;
  const auto vocabulary = vocabulary_of(model_->options());
  for (const auto& graph : data.solids(split)) {
    const auto write = [&](const io::BrepGraph& solid) {
      return tokens_of_solid(solid, *coders_, vocabulary, complexity_of(solid.faces()));
    };
    if (turned != nullptr) {
      auto& own = turned->emplace_back();
      for (int64_t turn = 0; turn < kTurns; ++turn) {
        const auto number =
            stream_seed(static_cast<uint64_t>(seed_), 0x7475726eU,
                        static_cast<uint64_t>(kTurns * static_cast<int64_t>(sequences.size()) + turn));
        auto copy = graph;
        rotate(copy, static_cast<int>(number % 3), static_cast<int>(1 + number / 3 % 3));
        make_canonical(copy);
        own.push_back(write(copy));
      }
    }
    sequences.push_back(write(graph));
  }
  return sequences;
}

at::Tensor AutobrepExperiment::padded(const Sequences& sequences) const {
  std::size_t longest = 0;
  for (const auto& sequence : sequences) longest = std::max(longest, sequence.size());
  auto tokens =
      at::full({static_cast<int64_t>(sequences.size()), static_cast<int64_t>(longest)}, -1, at::kLong);
  for (std::size_t i = 0; i < sequences.size(); ++i)
    std::copy(sequences[i].begin(), sequences[i].end(), tokens.mutable_data_ptr<int64_t>() + i * longest);
  return tokens.to(compute_.device);
}

runtime::Losses AutobrepExperiment::loss(int64_t batch) {
  const auto& options = model_->options();
  auto random = runtime::batch_generator(seed_, batch, compute_.share);
  Sequences own;
  for (const int64_t item : order_->batch(batch)) {
    const auto i = static_cast<std::size_t>(item);
    const bool turned = !turned_.empty() && uniform(random) < kTurnedShare;
    auto sequence = turned ? turned_[i][static_cast<std::size_t>(random() % kTurns)] : train_[i];
    if (uniform(random) >= options.meta_ratio) sequence[kComplexityAt] = kUncond;
    const auto most = static_cast<std::size_t>(options.max_seq);
    if (sequence.size() > most) {
      const auto first = static_cast<std::ptrdiff_t>(random() % (sequence.size() - most + 1));
      sequence = {sequence.begin() + first, sequence.begin() + first + static_cast<std::ptrdiff_t>(most)};
    }
    own.push_back(std::move(sequence));
  }
  return model_->loss(padded(own), {});
}

runtime::Metrics AutobrepExperiment::evaluate(Split split) {
  const auto& sequences = split == Split::train ? train_ : split == Split::test ? test_ : val_;
  if (sequences.empty()) return {};
  constexpr std::size_t kTogether = 8;
  const torch::NoGradGuard no_grad;
  model_->eval();
  double total = 0.0, count = 0.0;
  for (std::size_t first = 0; first < sequences.size(); first += kTogether) {
    const auto last = std::min(first + kTogether, sequences.size());
    const auto losses = model_->loss(padded({sequences.begin() + static_cast<std::ptrdiff_t>(first),
                                             sequences.begin() + static_cast<std::ptrdiff_t>(last)}),
                                     {});
    total += losses.total.item<double>() * losses.samples;
    count += losses.samples;
  }
  return {{"loss", total / count}};
}

void AutobrepExperiment::save(const std::filesystem::path& folder) {
  runtime::save_model(
      ModelFolder{
          .path = folder, .model = model_section_, .classes = {"easy", "mid", "hard"}, .sampling = sampling_},
      *model_);
  auto own = tokenizer_;
  own.path = folder / "vae";
  runtime::save_model(own, *coders_, model_->parameters().front().scalar_type());
}

void AutobrepExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::AutobrepOptions>() {
  static const ModelEntry entry{
      .name = shape3d::AutobrepOptions::kName,
      .build = &build_any<shape3d::Autobrep, shape3d::AutobrepOptions>,
      .experiment = &make_experiment<shape3d::AutobrepExperiment>,
      .shapes = &shape3d::AutobrepGenerator::open,
      .replays = {{"autobrep_ar", shape3d::replay_autobrep_ar},
                  {"autobrep_tokens", shape3d::replay_autobrep_tokens, /*on_cpu=*/true},
                  {"autobrep_rebuild", shape3d::replay_autobrep_rebuild, /*on_cpu=*/true}},
  };
  return entry;
}

}  // namespace arzoo::runtime
