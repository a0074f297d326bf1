#include "icl/zoo.h"

#include "core/zoo.h"
#include "icl/function_learners.h"
#include "icl/mesa_learner.h"
#include "icl/models.h"
#include "icl/path_finding.h"
#include "icl/path_learner.h"
#include "icl/self_attention_learner.h"
#include "runtime/memory_budget.h"

namespace arzoo::icl {
namespace {

std::shared_ptr<InContextLearner> make(const VonOswaldOptions& options, const LearnerShape& shape) {
  return std::make_shared<SelfAttentionLearner>(options, shape.data.regression.token_width());
}
std::shared_ptr<InContextLearner> make(const GargGpt2Options& options, const LearnerShape& shape) {
  return std::make_shared<GargGpt2>(options, shape.data.functions.n_dims, shape.data.functions.n_points);
}
std::shared_ptr<InContextLearner> make(const AkyurekOptions& options, const LearnerShape& shape) {
  return std::make_shared<AkyurekCausalLm>(options, shape.data.functions.n_dims,
                                           2 * (shape.data.functions.n_points + 1));
}
std::shared_ptr<InContextLearner> make(const MesaTransformerOptions& options, const LearnerShape& shape) {
  return std::make_shared<MesaLearner>(options, 4 * shape.data.dynamics.data_dim);
}
std::shared_ptr<InContextLearner> make(const AlpineOptions& options, const LearnerShape& shape) {
  const auto& graph = shape.data.graph;
  const auto block =
      shape.block_size > 0 ? shape.block_size : block_size(PathTask::sample(graph, shape.seed).rows);
  return std::make_shared<PathLearner>(options, vocab_size(graph.num_nodes), block);
}

template <std::size_t... I>
std::shared_ptr<InContextLearner> build_named(const Config& model, const LearnerShape& shape,
                                              std::index_sequence<I...>) {
  std::shared_ptr<InContextLearner> learner;
  const auto match = [&]<class Options>(std::type_identity<Options>) {
    if (model.text("name") == Options::kName) learner = make(model_options<Options>(model), shape);
  };
  (match(std::type_identity<std::tuple_element_t<I, Models>>{}), ...);
  return learner;
}

}  // namespace

std::shared_ptr<InContextLearner> build(const Config& model, const LearnerShape& shape) {
  auto learner = runtime::within_memory(model, [&] {
    return build_named(model, shape, std::make_index_sequence<std::tuple_size_v<Models>>());
  });
  if (!learner)
    model.at("name").reject(fmt::format("no in-context learner is called \"{}\"", model.text("name")));
  return learner;
}

}  // namespace arzoo::icl
