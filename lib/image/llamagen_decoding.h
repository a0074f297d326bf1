#pragma once

#include "image/eagle_drafter.h"
#include "image/llamagen_sampler.h"
#include "nn/drafter.h"

namespace arzoo::image {

/// How the tokens of pictures are found with drafts.
struct LlamaGenDrafts {
  std::string decode = "jacobi";                ///< or "sjd", "speculative", "eagle"
  int64_t window = 16;                          ///< jacobi, sjd: tokens of one pass
  nn::FreshDraft fresh = nn::FreshDraft::left;  ///< jacobi, sjd
  int64_t drafts = 4;                           ///< speculative: of one pass
  const LlamaGen* drafter = nullptr;            ///< speculative
  const EagleHead* head = nullptr;              ///< eagle
  EagleTree tree = {};                          ///< eagle
  nn::Relaxation relaxation = {};               ///< eagle; with it the distribution is another (LANTERN)
};

/// The tokens, [B, L] long, of pictures of these conditions. They pass through the model together, each
/// with its own drafts, and take part in as many passes as they need. Their distribution is that of
/// LlamaGenSampler::tokens; with "jacobi" they are its very tokens where it is given an ExponentialRace of
/// the same seeds, but for rounding: sums over several tokens at once are ordered otherwise than over one.
/// given: as in LlamaGenSampler, may be null. counts: added to.
at::Tensor tokens_with_drafts(const LlamaGen& model, const LlamaGenCondition& condition,
                              const LlamaGenSampling& sampling, const LlamaGenDrafts& drafts,
                              const std::vector<uint64_t>& seeds, const GivenTokens* given,
                              nn::DraftCounts& counts);

}  // namespace arzoo::image
