#pragma once

#include <filesystem>
#include <string>

#include "core/config.h"
#include "core/progress.h"
#include "runtime/suite_cell.h"

namespace arzoo::image {

/// A cell of a table that compares pictures with real ones: those that a model generates, those that a
/// tokenizer reconstructs, or features of either that another program computed.
struct PictureCellOptions {
  std::string pictures;
  std::string model;
  std::string features;
  std::string metric_name = "FID";
  int64_t count = 1000;
  int64_t batch_size = 50;
  int64_t seed = 0;
  std::string drafter;
  std::string refiner;
  std::optional<int64_t> draft_steps;
  std::vector<int64_t> depth_schedule;
  std::optional<double> cfg;
  std::optional<int64_t> steps;
  Json sampling = Json::object();
  std::vector<std::string> random;
  std::string samples;
  std::string reference;

  static void fields(auto& o, auto& field) {
    field("pictures", o.pictures, {}, "the real ones: a folder with a sub-folder per class, or an IDX file");
    field(
        "model", o.model, {},
        "a model that generates pictures, its classes in turn, or a vqvae or kl_vae, which reconstructs the "
        "real ones; relative to the suite");
    field("features", o.features, {}, "a trained feature_net, whose features are compared");
    field("metric_name", o.metric_name, formerly("figure"),
          "name of the Fréchet distance of these features: it is FID only if they are Inception-v3's");
    field("count", o.count, at_least(1),
          "number of pictures to generate or to reconstruct, at least 4 to compare them");
    field("batch_size", o.batch_size, at_least(1), "pictures at once");
    field("seed", o.seed, at_least(0), "seed of the generation");
    field("drafter", o.drafter, {},
          "generates the first draft_steps scales in place of the model (CoDe); of a llamagen, makes the "
          "drafts that it verifies");
    field("refiner", o.refiner, {}, "generates the scales after draft_steps in place of the model (CoDe)");
    field("draft_steps", o.draft_steps, at_least(1), "scales that the drafter generates");
    field("depth_schedule", o.depth_schedule, at_least(1),
          "blocks that each scale passes through, the last number for all after it (VARiant)");
    field("cfg", o.cfg, at_least(0), "classifier-free guidance scale, the model's own when not given");
    field("steps", o.steps, at_least(1), "steps of the generation, the model's own when not given");
    field("sampling", o.sampling, {}, "other options of the model's generation");
    field("random", o.random, {},
          "in place of a model: a training config, or a drafter's and a refiner's, run with random weights; "
          "for time and memory alone");
    field(
        "samples", o.samples, {},
        "in place of a model: file of features of generated pictures (.npy; .npz with \"features\" and, for "
        "the Inception Score, \"probabilities\"; for class fidelity \"labels\" beside them)");
    field("reference", o.reference, {},
          "with samples: file of the statistics of the real pictures' features (.npz with \"mu\" and "
          "\"sigma\", as ADM's VIRTUAL_imagenet256_labeled.npz; or with features)");
  }
  void check() const {
    require(samples.empty() == reference.empty(), "samples and reference must be given together");
    require((samples.empty() ? 0 : 1) + (model.empty() ? 0 : 1) + (random.empty() ? 0 : 1) == 1,
            "exactly one of model, random and samples must be given");
    require(random.size() <= 2, "random takes a config, or a drafter's and a refiner's; got {}",
            random.size());
    require(!random.empty() || count >= 4, "count must be at least 4 to compare pictures, got {}", count);
    const bool shared = random.size() == 2 || !drafter.empty() || !refiner.empty();
    require(shared || !draft_steps, "draft_steps needs a drafter or a refiner");
    require(draft_steps || (refiner.empty() && random.size() < 2), "a refiner needs draft_steps");
    require(sampling.is_object(), "sampling must be an object of options");
    require(drafter.empty() || refiner.empty(), "model is the other of drafter and refiner: one of the two");
    require(model.empty() || (!pictures.empty() && !features.empty()), "a model needs pictures and features");
    require(model.empty() || metric_name != "FID",
            "metric_name must name the Fréchet distance of these features (it is not FID)");
  }
};

/// A cell of pictures. Its run returns {"test": {"FID", "IS", "class_fidelity",
/// "real_class_fidelity", "precision", "recall"}, "pictures", "seconds"}, the fidelities where the classes
/// are the feature network's; for a model that generates, also its cost: test/"seconds_per_picture",
/// "cache_mib" (keys and values of a batch), with drafts "passes_per_picture", "drafter_passes_per_picture",
/// "tokens_per_pass" and "accepted_N" (the share of drafts accepted at depth N: 1, 2, 4, 8),
/// "peak_mib" (the process's resident memory), "parameters_m" (millions), and of a run directory
/// "training_steps"; of captions that can be measured, the shares of pictures that show what they say (the
/// generator's caption_matches); of a tokenizer test/"psnr". Throws DataError, CheckpointError.
std::shared_ptr<const runtime::Evaluation> read_picture_cell(const Config& cell,
                                                             const runtime::CellContext& context);

}  // namespace arzoo::image
