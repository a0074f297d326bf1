#include "image/llamagen_decoding.h"

#include <torch/torch.h>

#include <optional>

#include "image/llamagen_target.h"

namespace arzoo::image {
namespace {

at::Tensor row_of(const at::Tensor& all, int64_t row) {
  return all.defined() ? all.narrow(0, row, 1) : at::Tensor();
}

/// One picture: its stream and its drafter's.
class DraftedPicture {
 public:
  DraftedPicture(const LlamaGen& model, LlamaGenCondition condition, const LlamaGenSampling& sampling,
                 const LlamaGenDrafts& drafts)
      : model_(model),
        condition_(std::move(condition)),
        sampling_(sampling),
        drafts_(drafts),
        stream_(model, condition_, sampling.guidance),
        target_(stream_, model.options().block_size) {}

  std::vector<int64_t> tokens(uint64_t seed, const std::function<int64_t(int64_t)>& given,
                              nn::DraftCounts& counts) {
    const bool shared = drafts_.decode == "jacobi";
    nn::SeededDrafts own(seed);
    nn::SharedDrafts by_place(seed);
    auto& random_inputs = shared ? by_place : own;
    const int64_t length = model_.options().block_size;
    std::vector<int64_t> tokens{first_token(random_inputs, given)};
    const nn::EqualityAcceptor equality;
    const nn::RatioAcceptor ratio(drafts_.relaxation);
    nn::DraftCounts round;
    tokens =
        nn::decode_with_drafts({.target = target_,
                                .drafter = drafter(),
                                .acceptor = shared ? static_cast<const nn::DraftAcceptor&>(equality) : ratio,
                                .sampling = sampling_.tokens,
                                .given = given},
                               tokens, length, random_inputs, &round);
    ++round.passes;  // over the condition
    ++round.tokens;
    counts.add(round);
    return tokens;
  }

 private:
  int64_t first_token(nn::DraftRandomInputs& random_inputs, const std::function<int64_t(int64_t)>& given) {
    const auto p = nn::filtered_distributions(stream_.begin().cpu(), sampling_.tokens)[0];
    const int64_t known = given ? given(0) : -1;
    return known >= 0 ? known : random_inputs.following(p, 0, 0);
  }

  nn::Drafter& drafter() {
    if (drafts_.decode == "eagle") {
      eagle_.emplace(*drafts_.head, stream_, drafts_.tree, sampling_.tokens);
      return *eagle_;
    }
    if (drafts_.decode != "speculative") {
      window_.emplace(nn::WindowDrafter::Options{.codes = model_.options().vocab_size,
                                                 .width = model_.options().side(),
                                                 .fresh = drafts_.fresh,
                                                 .window = [this](int64_t) { return drafts_.window; }});
      return *window_;
    }
    small_stream_.emplace(*drafts_.drafter, condition_, sampling_.guidance);
    small_stream_->begin();
    small_.emplace(*small_stream_, model_.options().block_size);
    model_drafter_.emplace(*small_, drafts_.drafts, sampling_.tokens);
    return *model_drafter_;
  }

  const LlamaGen& model_;
  LlamaGenCondition condition_;
  const LlamaGenSampling& sampling_;
  const LlamaGenDrafts& drafts_;
  LlamaGenStream stream_;
  LlamaGenTarget target_;
  std::optional<nn::WindowDrafter> window_;
  std::optional<LlamaGenStream> small_stream_;
  std::optional<LlamaGenTarget> small_;
  std::optional<nn::ModelDrafter> model_drafter_;
  std::optional<EagleDrafter> eagle_;
};

/// What a picture's places must be.
std::function<int64_t(int64_t)> given_tokens(const GivenTokens* given, int64_t row) {
  if (given == nullptr) return {};
  const int64_t own = given->ids.size(0) == 1 ? 0 : row;
  const auto ids = at::where(given->known[own], given->ids[own], -1).cpu().contiguous();
  return [ids](int64_t place) {
    return place < ids.numel() ? ids.const_data_ptr<int64_t>()[place] : int64_t{-1};
  };
}

}  // namespace

at::Tensor tokens_with_drafts(const LlamaGen& model, const LlamaGenCondition& condition,
                              const LlamaGenSampling& sampling, const LlamaGenDrafts& drafts,
                              const std::vector<uint64_t>& seeds, const GivenTokens* given,
                              nn::DraftCounts& counts) {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> rows;
  for (int64_t row = 0; row < condition.batch(); ++row) {
    DraftedPicture picture(model,
                           {.labels = row_of(condition.labels, row),
                            .captions = row_of(condition.captions, row),
                            .caption_mask = row_of(condition.caption_mask, row)},
                           sampling, drafts);
    const auto tokens =
        picture.tokens(seeds.at(static_cast<std::size_t>(row)), given_tokens(given, row), counts);
    rows.push_back(at::tensor(tokens, at::kLong));
  }
  return at::stack(rows).to(model.embedding().device());
}

}  // namespace arzoo::image
