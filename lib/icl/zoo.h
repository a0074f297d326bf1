#pragma once

#include "core/config.h"
#include "icl/data_options.h"
#include "icl/in_context_learner.h"

namespace arzoo::icl {

/// What the data decide about a learner.
struct LearnerShape {
  DataOptions data;
  int64_t vocab_size = 0, block_size = 0;  ///< of a graph's rows
};

/// Builds what a "model" section describes, with weights as they come. Throws ConfigError for an unknown name
/// or option, and for a model that memory cannot hold.
std::shared_ptr<InContextLearner> build(const Config& model, const LearnerShape& shape);

}  // namespace arzoo::icl
