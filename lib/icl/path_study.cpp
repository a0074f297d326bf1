#include <torch/torch.h>

#include <map>

#include "core/zoo.h"

#include "icl/path_finding.h"
#include "icl/path_learner.h"
#include "icl/random_inputs.h"
#include "icl/study.h"

namespace arzoo::icl {
namespace {

constexpr uint64_t kSampleStream = 400;
constexpr int64_t kPathBatch = 256;

/// How generated rows fared.
struct Tally {
  int64_t rows = 0;
  std::map<PathVerdict, int64_t> verdicts;

  double share(PathVerdict verdict) const {
    const auto found = verdicts.find(verdict);
    return rows == 0 || found == verdicts.end()
               ? 0.0
               : static_cast<double>(found->second) / static_cast<double>(rows);
  }
};

struct Pair {
  int64_t source, target;
};

std::vector<Pair> pairs_of(const at::Tensor& split, int64_t side) {
  const auto found = (split == side).nonzero();
  std::vector<Pair> pairs;
  for (int64_t i = 0; i < found.size(0); ++i)
    pairs.push_back({found[i][0].item<int64_t>(), found[i][1].item<int64_t>()});
  return pairs;
}

/// Generates one row for each pair, `tasks` in all, and adds them up by `kind`.
std::map<std::string, Tally> generate(const Subject& subject, PathLearner& learner, const PathTask& task,
                                      const std::vector<Pair>& pairs,
                                      const std::function<std::string(const Pair&)>& kind) {
  std::map<std::string, Tally> tallies;
  if (pairs.empty()) return tallies;
  for (int64_t done = 0; done < subject.options.tasks; done += kPathBatch) {
    const auto size = std::min(kPathBatch, subject.options.tasks - done);
    auto random_inputs = generator_of(subject.seed(), kSampleStream, done);
    const auto chosen = at::randint(static_cast<int64_t>(pairs.size()), {size}, random_inputs, at::kLong);
    const auto pair_of = [&](int64_t row) {
      return pairs[static_cast<std::size_t>(chosen[row].item<int64_t>())];
    };
    auto prompts = at::empty({size, 2}, at::kLong);
    for (int64_t i = 0; i < size; ++i) {
      const auto pair = pair_of(i);
      prompts[i][0] = pair.source + kFirstNodeToken;
      prompts[i][1] = pair.target + kFirstNodeToken;
    }
    const auto rows = learner.generate(prompts, kEndToken, random_inputs);
    for (int64_t i = 0; i < size; ++i) {
      auto& tally = tallies[kind(pair_of(i))];
      ++tally.rows;
      ++tally.verdicts[judge(row_of(rows[i]), task.graph)];
    }
  }
  return tallies;
}

/// The area under the curve of true against false positives: the chance that a score of a true entry is above
/// that of a false one. Both [n] of the entries that count.
double separation(const at::Tensor& scores, const at::Tensor& truth) {
  const auto ranks = std::get<1>(std::get<1>(scores.sort()).sort()).to(at::kDouble);
  const auto positives = truth.sum().item<double>(),
             negatives = static_cast<double>(truth.numel()) - positives;
  const double sum = (ranks * truth.to(at::kDouble)).sum().item<double>();
  return (sum - positives * (positives - 1) / 2) / (positives * negatives);
}

/// The one block's logits of the next node when its attention lies on the target (Sec. 4 of the paper),
/// computed from the weights alone: the average over targets is the contribution of the current node, the
/// average over current nodes that of the target.
struct LearnedMatrices {
  at::Tensor adjacency, reachability;  ///< [node, next], [target, next]
};
LearnedMatrices learned_matrices(const PathLearner& learner, const nn::DecoderOptions& options,
                                 int64_t nodes) {
  constexpr int64_t kTargetPlace = 1, kNodePlace = 3;
  const auto weights = learner.weights();
  const auto& block = weights.blocks.front();
  const int64_t inner = options.n_head * options.head_width();
  const auto norm = [&](const nn::Affine& by, const at::Tensor& x) {
    return at::layer_norm(x, {x.size(-1)}, by.weight, by.bias, options.layer_norm_epsilon);
  };
  const auto mapped = [](const nn::Affine& by, const at::Tensor& x) {
    return at::linear(x, by.weight, by.bias);
  };
  const auto tokens = learner.embedding().narrow(0, kFirstNodeToken, nodes);
  const auto placed = [&](int64_t place) {
    return weights.positions.defined() ? tokens + weights.positions[place] : tokens;
  };
  const auto values = mapped(block.qkv, norm(block.norm_1, placed(kTargetPlace))).narrow(1, 2 * inner, inner);
  const auto attended = mapped(block.projection, values), current = placed(kNodePlace);
  LearnedMatrices learned{at::zeros({nodes, nodes}), at::zeros({nodes, nodes})};
  for (int64_t target = 0; target < nodes; ++target) {
    const auto x = current + attended[target];
    const auto hidden = at::gelu(mapped(block.up, norm(block.norm_2, x)), "tanh");
    const auto logits = at::matmul(norm(weights.norm, x + mapped(block.down, hidden)), tokens.t());
    learned.adjacency += logits / static_cast<double>(nodes);
    learned.reachability[target] = logits.mean(0);
  }
  return learned;
}

/// Adds the separation of the entries that count, unless all of them are alike.
void add_separation(const std::string& name, const at::Tensor& learned, const at::Tensor& truth,
                    const at::Tensor& counted, StudyRecord& record) {
  const auto labels = truth.masked_select(counted);
  if (labels.any().item<bool>() && !labels.all().item<bool>())
    record.metric(name, separation(learned.masked_select(counted), labels));
}

void study_weights(const Subject& subject, const PathLearner& learner, const PathTask& task,
                   const Observed& seen, StudyRecord& record) {
  const auto options = model_options<AlpineOptions>(subject.run.at("model")).decoder;
  const int64_t nodes = task.graph.nodes();
  const auto learned = learned_matrices(learner, options, nodes);
  const auto above = at::ones({nodes, nodes}, at::kBool).triu(1), below = above.t();
  // A target's row holds the nodes before it.
  const auto true_reach = task.graph.reachability.t();
  const auto unseen = below.logical_and(seen.reachability.logical_not());
  add_separation("edges told apart by the weights (AUC)", learned.adjacency, seen.adjacency, above, record);
  add_separation("observed reachability told apart (AUC)", learned.reachability, seen.reachability, below,
                 record);
  add_separation("unobserved reachability told apart (AUC)", learned.reachability, true_reach, unseen,
                 record);
}

/// How much of the attention falls on the target, the second token, once the path has begun.
double attention_on_target(PathLearner& learner, const PathTask& task) {
  const auto block = block_size(task.rows);
  const auto rows =
      row_tokens(task.rows.train, block).narrow(0, 0, std::min<int64_t>(kPathBatch, task.rows.train.size()));
  nn::DecoderTrace trace;
  learner.forward(rows.narrow(1, 0, block), nullptr, &trace);
  const auto on_target = trace.blocks.front().attention.select(3, 1).mean(1);  // [B, T]
  const auto in_path = (rows.narrow(1, 1, block) >= kFirstNodeToken).to(at::kFloat);
  const auto counted = in_path.narrow(1, 2, block - 2);
  return ((on_target.narrow(1, 2, block - 2) * counted).sum() / counted.sum()).item<double>();
}

void add_rows(const std::string& split, const std::map<std::string, Tally>& tallies, Table& table) {
  for (const auto& [kind, tally] : tallies) {
    table.add({split, kind, tally.rows, tally.share(PathVerdict::valid),
               tally.share(PathVerdict::wrong_syntax), tally.share(PathVerdict::wrong_ends),
               tally.share(PathVerdict::no_edge)});
  }
}

double accuracy(const std::map<std::string, Tally>& tallies) {
  double valid = 0.0, rows = 0.0;
  for (const auto& [kind, tally] : tallies) {
    rows += static_cast<double>(tally.rows);
    valid += tally.share(PathVerdict::valid) * static_cast<double>(tally.rows);
  }
  return rows > 0 ? valid / rows : 0.0;
}

}  // namespace

void study_paths(const Subject& subject, StudyRecord& record) {
  const torch::NoGradGuard no_grad;
  const auto task = PathTask::sample(subject.data().graph, subject.seed());
  const auto learner = subject.open<PathLearner>();
  const auto seen = observe(task.rows.train, task.graph.nodes());
  const auto by_degree = [&](const Pair& pair) {
    const auto degree = path_degree(task.graph, seen, pair.source, pair.target);
    return degree < 0 ? std::string("none") : degree >= 3 ? std::string("3 or more") : std::to_string(degree);
  };
  const auto edges = task.graph.adjacency.accessor<bool, 2>();
  const auto by_edge = [&](const Pair& pair) {
    return std::string(edges[pair.source][pair.target] ? "an edge" : "a path");
  };
  const auto trained = generate(subject, *learner, task, pairs_of(task.split, 1), by_edge),
             tested = generate(subject, *learner, task, pairs_of(task.split, -1), by_degree);
  Table table(
      {"pairs", "kind", "rows", {"valid", 4}, {"wrong syntax", 4}, {"wrong ends", 4}, {"no edge", 4}});
  add_rows("trained", trained, table);
  add_rows("tested, degree", tested, table);
  record.table("paths", table);
  record.metric("accuracy on trained pairs", accuracy(trained));
  record.metric("accuracy on tested pairs", accuracy(tested));
  for (const auto& [kind, tally] : tested)
    record.metric("accuracy at degree " + kind, tally.share(PathVerdict::valid));
  record.metric("attention on the target", attention_on_target(*learner, task));
  const auto decoder = model_options<AlpineOptions>(subject.run.at("model")).decoder;
  // What the paper reads out of the weights is the mechanism of one block of its kind.
  if (decoder.n_layer == 1 && decoder.norm == "layer_norm" && decoder.residual == "pre_norm" &&
      decoder.feed_forward == "gelu_tanh")
    study_weights(subject, *learner, task, seen, record);
}

}  // namespace arzoo::icl
