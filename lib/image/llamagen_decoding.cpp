#include "image/llamagen_decoding.h"

#include <torch/torch.h>

#include <memory>
#include <optional>

#include "image/llamagen_target.h"
#include "nn/drafter.h"

namespace arzoo::image {
namespace {

at::Tensor row_of(const at::Tensor& all, int64_t row) {
  return all.defined() ? all.narrow(0, row, 1) : at::Tensor();
}

/// A stream for each of these pictures.
class PictureStreams {
 public:
  PictureStreams(const LlamaGen& model, const LlamaGenCondition& condition,
                 const LlamaGenGuidance& guidance) {
    for (int64_t row = 0; row < condition.batch(); ++row) {
      const LlamaGenCondition own{.labels = row_of(condition.labels, row),
                                  .captions = row_of(condition.captions, row),
                                  .caption_mask = row_of(condition.caption_mask, row)};
      streams_.push_back(std::make_unique<LlamaGenStream>(model, own, guidance));
    }
  }
  std::vector<LlamaGenStream*> all() const {
    std::vector<LlamaGenStream*> all;
    for (const auto& stream : streams_) all.push_back(stream.get());
    return all;
  }

 private:
  std::vector<std::unique_ptr<LlamaGenStream>> streams_;
};

/// The drafters of these pictures, with all that they need.
class PictureDrafters {
 public:
  PictureDrafters(const LlamaGen& model, const LlamaGenCondition& condition, const LlamaGenSampling& sampling,
                  const LlamaGenDrafts& drafts, const PictureStreams& streams) {
    if (drafts.decode == "speculative") {
      small_.emplace(*drafts.drafter, condition, sampling.guidance);
      small_target_.emplace(small_->all());
      small_target_->begin();
      drafter_ = std::make_unique<nn::ModelDrafter>(*small_target_, drafts.drafts,
                                                    nn::DecodingRules{.sampling = sampling.tokens});
      return;
    }
    std::vector<std::unique_ptr<nn::RowDrafter>> rows;
    for (const auto* stream : streams.all()) {
      if (drafts.decode == "eagle") {
        rows.push_back(std::make_unique<EagleDrafter>(*drafts.head, *stream, drafts.tree, sampling.tokens));
      } else {
        rows.push_back(std::make_unique<nn::WindowDrafter>(
            nn::WindowDrafter::Options{.codes = model.options().vocab_size,
                                       .width = model.options().side(),
                                       .fresh = drafts.fresh,
                                       .window = [width = drafts.window](int64_t) { return width; }}));
      }
    }
    drafter_ = std::make_unique<nn::RowDrafters>(std::move(rows));
  }
  nn::Drafter& get() { return *drafter_; }

 private:
  std::optional<PictureStreams> small_;
  std::optional<LlamaGenTarget> small_target_;
  std::unique_ptr<nn::Drafter> drafter_;
};

/// Each picture's own random numbers.
std::vector<std::unique_ptr<nn::DraftRandomInputs>> draft_random_inputs(const std::vector<uint64_t>& seeds,
                                                                        bool shared) {
  std::vector<std::unique_ptr<nn::DraftRandomInputs>> rows;
  for (const auto seed : seeds) {
    if (shared) {
      rows.push_back(std::make_unique<nn::SharedDrafts>(seed));
    } else {
      rows.push_back(std::make_unique<nn::SeededDrafts>(seed));
    }
  }
  return rows;
}

}  // namespace

at::Tensor tokens_with_drafts(const LlamaGen& model, const LlamaGenCondition& condition,
                              const LlamaGenSampling& sampling, const LlamaGenDrafts& drafts,
                              const std::vector<uint64_t>& seeds, const GivenTokens* given,
                              nn::DraftCounts& counts) {
  const bool shared = drafts.decode == "jacobi";
  const PictureStreams streams(model, condition, sampling.guidance);
  LlamaGenTarget target(streams.all());
  PictureDrafters drafters(model, condition, sampling, drafts, streams);
  const auto owned = draft_random_inputs(seeds, shared);
  std::vector<nn::DraftRandomInputs*> random_inputs;
  for (const auto& row : owned) random_inputs.push_back(row.get());
  const nn::EqualityAcceptor equality;
  const nn::RatioAcceptor ratio(drafts.relaxation);
  nn::AcceptedDrafts choice(shared ? static_cast<const nn::DraftAcceptor&>(equality) : ratio, random_inputs);
  const auto rows = nn::decode({.target = target,
                                .drafter = drafters.get(),
                                .choice = choice,
                                .rules = {.sampling = sampling.tokens},
                                .given = places_given(given)},
                               std::vector<std::vector<int64_t>>(static_cast<std::size_t>(condition.batch())),
                               model.options().block_size, &counts);
  return token_rows(rows).to(model.embedding().device());
}

}  // namespace arzoo::image
