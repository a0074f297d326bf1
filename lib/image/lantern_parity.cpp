#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <memory>

#include "image/draft_replay.h"
#include "image/eagle_drafter.h"
#include "image/fixture.h"
#include "image/lantern_case.h"
#include "nn/exponential_race.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// The order of transformers' processors, and its rule for top_p.
constexpr nn::FilterRules kLanternRules{
    {nn::FilterStep::temperature, nn::FilterStep::top_p, nn::FilterStep::top_k}, nn::TopPRule::from_below};

/// Numbers that are padded on two axes: -1 where a path is shorter, -2 behind the round's own size.
at::Tensor padded_paths(const std::vector<std::vector<std::vector<int64_t>>>& rounds, int64_t paths,
                        int64_t length) {
  std::vector<at::Tensor> tensors;
  for (const auto& round : rounds) {
    std::size_t longest = 0;
    for (const auto& path : round) longest = std::max(longest, path.size());
    const auto own = padded_rows(round, static_cast<int64_t>(longest));
    tensors.push_back(at::constant_pad_nd(own, {0, length - own.size(1), 0, paths - own.size(0)}, -2));
  }
  return at::stack(tensors);
}

/// The number of the first path that begins with the accepted tokens; 0 where none was accepted.
int64_t first_path(const std::vector<std::vector<int64_t>>& candidates,
                   const std::vector<int64_t>& accepted) {
  if (accepted.size() == 1) return 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto& path = candidates[i];
    if (path.size() >= accepted.size() && std::equal(accepted.begin(), accepted.end(), path.begin()))
      return static_cast<int64_t>(i);
  }
  return -1;
}

std::vector<int64_t> tokens_at(const nn::DraftTree& tree, const std::vector<int64_t>& nodes) {
  std::vector<int64_t> tokens;
  for (const int64_t node : nodes) tokens.push_back(tree.tokens[static_cast<std::size_t>(node)]);
  return tokens;
}

/// Relaxation as a run or a variant states it.
nn::Relaxation relaxation_of(const Config& run, const at::Tensor& nearest) {
  bool relaxed = false;
  read_if_any(run, "lantern", relaxed);
  if (!relaxed) return {};
  int64_t codes = 0;
  nn::Relaxation relaxation;
  run.at("lantern_k").read(codes, at_least(1));
  run.at("lantern_delta").read(relaxation.delta, {});
  relaxation.nearest = nearest.narrow(1, 0, std::min(codes + 1, nearest.size(1)));
  return relaxation;
}

nn::TokenSampling lantern_sampling(const Config& options) {
  nn::TokenSampling sampling{.rules = kLanternRules};
  read_if_any(options, "temperature", sampling.temperature);
  read_if_any(options, "top_k", sampling.top_k);
  read_if_any(options, "top_p", sampling.top_p);
  return sampling;
}

bool is_greedy(const nn::TokenSampling& sampling) {
  return sampling.temperature <= nn::TokenSampling::kGreedy;
}

/// In which order the official code has a tree's paths.
nn::PathOrder order_of(const nn::TokenSampling& sampling, const EagleTree& shape) {
  return is_greedy(sampling) && shape.paths.empty() ? nn::PathOrder::by_leaf : nn::PathOrder::by_nodes;
}

std::unique_ptr<nn::DraftAcceptor> acceptor_of(const nn::TokenSampling& sampling,
                                               const nn::Relaxation& relaxation, nn::PathOrder order) {
  if (is_greedy(sampling)) return std::make_unique<nn::GreedyAcceptor>(relaxation, order);
  return std::make_unique<nn::RatioAcceptor>(relaxation);
}

/// The trees of a generation and what became of them.
struct TreeRecord {
  std::vector<std::vector<std::vector<int64_t>>> paths, candidates;
  std::vector<std::vector<int64_t>> tokens, depths;
  std::vector<at::Tensor> masks, remainders, drawn, shares;
  std::vector<int64_t> best, accepted, next;

  void add(const nn::DraftRound& round, bool greedy, nn::PathOrder order) {
    const auto& [tree, logits, p, path] = round;
    paths.push_back(tree.paths(order));
    auto& tokens_of_paths = candidates.emplace_back();
    for (const auto& nodes : paths.back()) tokens_of_paths.push_back(tokens_at(tree, nodes));
    tokens.push_back(tree.tokens);
    depths.push_back(tree.depths());
    masks.push_back(tree.visible(0).to(at::kFloat));
    best.push_back(first_path(tokens_of_paths, tokens_at(tree, path.nodes)));
    accepted.push_back(path.drafts());
    next.push_back(path.next);
    remainders.push_back(greedy ? logits[path.nodes.back()] : path.p);
  }
  /// What a static tree's nodes drew, and each draft's probability given that the earlier ones are excluded.
  void add(const std::vector<EagleDrafter::Drawn>& rows) {
    std::vector<at::Tensor> codes, probabilities;
    for (const auto& row : rows) {
      codes.push_back(at::tensor(row.codes, at::kLong));
      const auto q = row.q.index_select(0, codes.back());
      probabilities.push_back(q / (1.0 - (q.cumsum(0) - q)));
    }
    drawn.push_back(at::stack(codes));
    shares.push_back(at::stack(probabilities));
  }
};

EagleTree tree_of(const Config& drafter, const Config& run) {
  EagleTree tree;
  read_if_any(drafter, "top_k", tree.top_k);
  read_if_any(drafter, "depth", tree.depth);
  read_if_any(drafter, "total_token", tree.total_token);
  bool drawn = false;
  read_if_any(run, "static_tree", drawn);
  if (!drawn) return tree;
  for (const auto& choice : run.at("tree_choices").elements())
    choice.read(tree.paths.emplace_back(), at_least(0));
  return tree;
}

/// The shape of a static tree, which is the same in every round.
void check_static_tree(const std::string& name, const TreeRecord& record, const EagleTree& shape,
                       ParityReport& report) {
  std::map<std::vector<int64_t>, int64_t> rows{{{}, 0}};
  auto sorted = shape.paths;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; });
  std::vector<int64_t> indices{0};
  for (const auto& path : sorted) {
    const std::vector<int64_t> parent(path.begin(), path.end() - 1);
    const auto row = rows.emplace(parent, static_cast<int64_t>(rows.size())).first->second;
    indices.push_back(1 + row * shape.top_k + path.back());
  }
  report.check(name + ".tree_indices", at::tensor(indices, at::kLong));
  report.check(name + ".tree_mask", record.masks.front());
  report.check(name + ".tree_depth", at::tensor(record.depths.front(), at::kLong));
  report.check(name + ".retrieve", padded_rows(record.paths.front(), 1));
  report.check(name + ".draft_tokens", at::stack(record.drawn));
  report.check(name + ".draft_prob", at::stack(record.shares));
}

void check_record(const ParityCase& fixture, const std::string& name, const TreeRecord& record,
                  const EagleTree& shape, ParityReport& report) {
  const auto& expected = fixture.io.at(name + ".candidates");
  report.check(name + ".candidates", padded_paths(record.candidates, expected.size(1), expected.size(2)));
  report.check(name + ".best", at::tensor(record.best, at::kLong));
  report.check(name + ".accept_length", at::tensor(record.accepted, at::kLong));
  report.check(name + ".sample_p", at::stack(record.remainders));
  report.check(name + ".next", at::tensor(record.next, at::kLong));
  if (!shape.paths.empty()) return check_static_tree(name, record, shape, report);
  report.check(name + ".tree_tokens", padded_rows(record.tokens, 1));
  report.check(name + ".tree_mask", at::stack(record.masks));
  report.check(name + ".tree_depth", padded_rows(record.depths, 1));
  report.check(name + ".retrieve", padded_paths(record.paths, expected.size(1), expected.size(2)));
}

void replay_lantern_run(const ParityCase& fixture, const std::string& name, const Config& run,
                        const LanternCase& parts, const at::Tensor& nearest, ParityReport& report) {
  const auto input = [&](const char* what) {
    const auto key = name + "." + what;
    return fixture.has_input(key) ? fixture.input(key).cpu() : at::Tensor();
  };
  const auto sampling = lantern_sampling(run);
  const bool greedy = is_greedy(sampling);
  const int64_t length = parts.model.options().block_size;
  int64_t label = 0;
  run.at("label").read(label, at_least(0));
  LlamaGenGuidance guidance;
  read_if_any(run, "cfg", guidance.cfg);
  LlamaGenStream stream(parts.model, {.labels = at::full({1}, label, at::kLong).to(fixture.device)},
                        guidance);
  const auto p = nn::filtered_distributions(stream.begin().cpu(), sampling)[0];
  const int64_t root =
      greedy ? p.argmax().item<int64_t>() : nn::race_winners(p, input("first_exp")).item<int64_t>();
  const auto shape = tree_of(fixture.config.at("drafter"), run);
  const auto order = order_of(sampling, shape);
  auto own_drafter = std::make_unique<EagleDrafter>(parts.head, stream, shape, sampling);
  const auto& drafter = *own_drafter;
  nn::RowDrafters drafters(std::move(own_drafter));
  const auto acceptor = acceptor_of(sampling, relaxation_of(run, nearest), order);
  RecordedDrafts random_inputs(
      {.following = input("exp"), .drafts = input("draft_exp"), .uniform = input("u")});
  TreeRecord record;
  const auto watch = [&](const nn::DraftRound& round) {
    record.add(round, greedy, order);
    if (!shape.paths.empty()) record.add(drafter.drawn());
  };
  // The official loop counts a token when the round after it begins, and goes on until it counts one too
  // many.
  const DraftReplay replay{.stream = stream,
                           .drafter = drafters,
                           .acceptor = *acceptor,
                           .sampling = greedy ? nn::TokenSampling{} : sampling,
                           .watch = watch,
                           .past_the_end = true};
  auto tokens = replay.decode({root}, length + 2, random_inputs);
  tokens.resize(static_cast<std::size_t>(length));
  check_record(fixture, name, record, shape, report);
  report.check(name + ".ids", at::tensor(tokens, at::kLong));
  report.check(name + ".forward_passes", at::scalar_tensor(stream.passes(), at::kLong));
}

/// A recorded tree, with the logits that are known of its nodes.
struct RecordedTree {
  RecordedTree(const at::Tensor& retrieve, const at::Tensor& candidates, const at::Tensor& all_logits) {
    const auto count = retrieve.max().item<int64_t>() + 1;
    tree.tokens.resize(static_cast<std::size_t>(count));
    tree.parents.resize(static_cast<std::size_t>(count), -1);
    logits = at::zeros({count, all_logits.size(2)});
    for (int64_t path = 0; path < retrieve.size(0); ++path) {
      for (int64_t depth = 0; depth < retrieve.size(1); ++depth) {
        const auto node = retrieve[path][depth].item<int64_t>();
        if (node < 0) break;
        tree.tokens[static_cast<std::size_t>(node)] = candidates[path][depth].item<int64_t>();
        if (depth > 0)
          tree.parents[static_cast<std::size_t>(node)] = retrieve[path][depth - 1].item<int64_t>();
        logits[node].copy_(all_logits[path][depth]);
      }
    }
  }
  std::vector<std::vector<int64_t>> candidates() const {
    std::vector<std::vector<int64_t>> tokens;
    for (const auto& path : tree.paths()) tokens.push_back(tokens_at(tree, path));
    return tokens;
  }
  nn::DraftTree tree;
  at::Tensor logits;
};

void replay_variant(const ParityCase& fixture, const std::string& name, const Config& variant,
                    const at::Tensor& nearest, ParityReport& report) {
  const auto candidates = fixture.input(name + ".candidates"), logits = fixture.input(name + ".logits");
  const auto relaxation = relaxation_of(variant, nearest);
  const auto sampling = lantern_sampling(fixture.config);
  const int64_t trials = candidates.size(0), codes = logits.size(3);
  RecordedDrafts random_inputs(
      {.following = at::ones({trials, codes}), .uniform = fixture.input(name + ".u").cpu()});
  std::vector<int64_t> best, accepted, greedy_best, greedy_accepted;
  std::vector<at::Tensor> remainders;
  for (int64_t trial = 0; trial < trials; ++trial) {
    const RecordedTree recorded(fixture.input("retrieve"), candidates[trial], logits[trial]);
    random_inputs.begin_round();
    const auto note = [&](const nn::AcceptedPath& path, std::vector<int64_t>& places,
                          std::vector<int64_t>& lengths) {
      places.push_back(first_path(recorded.candidates(), tokens_at(recorded.tree, path.nodes)));
      lengths.push_back(path.drafts());
    };
    const auto path =
        nn::RatioAcceptor(relaxation)
            .accept(recorded.tree, nn::filtered_distributions(recorded.logits, sampling), 0, random_inputs);
    note(path, best, accepted);
    remainders.push_back(path.p);
    note(nn::GreedyAcceptor(relaxation, nn::PathOrder::by_nodes)
             .accept(recorded.tree, at::softmax(recorded.logits, -1), 0, random_inputs),
         greedy_best, greedy_accepted);
  }
  report.check(name + ".best", at::tensor(best, at::kLong));
  report.check(name + ".accept_length", at::tensor(accepted, at::kLong));
  report.check(name + ".sample_p", at::stack(remainders));
  report.check(name + ".greedy_best", at::tensor(greedy_best, at::kLong));
  report.check(name + ".greedy_accept_length", at::tensor(greedy_accepted, at::kLong));
}

}  // namespace

void replay_lantern(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("train")) return replay_eagle_training(fixture, report);
  const torch::NoGradGuard no_grad;
  const LanternCase parts(fixture);
  const auto& codebook = fixture.input("codebook");
  const auto nearest = nn::nearest_other_codes(codebook, codebook.size(0) - 1);
  if (fixture.io.contains("nearest")) report.check("nearest", nearest);
  for (const auto& [name, run] : fixture.config.at("runs").members())
    replay_lantern_run(fixture, name, run, parts, nearest, report);
}

void replay_acceptance(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto& codebook = fixture.input("codebook");
  const auto nearest = nn::nearest_other_codes(codebook, codebook.size(0) - 1);
  report.check("nearest", nearest);
  for (const auto& [name, variant] : fixture.config.at("variants").members())
    replay_variant(fixture, name, variant, nearest, report);
}

}  // namespace arzoo::image
