#pragma once

#include "core/config.h"
#include "icl/data_options.h"
#include "icl/in_context_learner.h"

namespace arzoo::icl {

/// What the data decide about a learner.
struct LearnerShape {
  DataOptions data;
  int64_t seed = 0;        ///< of a graph
  int64_t block_size = 0;  ///< of a graph's rows; 0: found by sampling the graph
};

/// Builds what a "model" section describes, with weights as they come. Throws ConfigError for an unknown name
/// or option, and for a model that memory cannot hold.
std::shared_ptr<InContextLearner> build(const Config& model, const LearnerShape& shape);

}  // namespace arzoo::icl
