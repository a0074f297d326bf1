#include <torch/torch.h>

#include <algorithm>
#include <utility>

#include "image/draft_replay.h"
#include "image/fixture.h"
#include "nn/exponential_race.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// One recorded generation of a picture.
struct DraftRun {
  const ParityCase& fixture;
  std::string name;
  Config options;

  std::string output(const char* what) const { return name + "." + what; }
  at::Tensor input(const char* what) const {
    return fixture.has_input(output(what)) ? fixture.input(output(what)).cpu() : at::Tensor();
  }
  int64_t number(const char* key) const {
    int64_t value = 0;
    options.at(key).read(value, {});
    return value;
  }
  LlamaGenCondition condition() const {
    return {.labels = at::tensor(number("label"), at::kLong).view({1}).to(fixture.device)};
  }
  LlamaGenGuidance guidance() const {
    LlamaGenGuidance guidance;
    read_if_any(options, "cfg", guidance.cfg);
    return guidance;
  }
  nn::TokenSampling sampling(const nn::FilterRules& rules) const {
    nn::TokenSampling sampling{.rules = rules};
    read_if_any(options, "temperature", sampling.temperature);
    read_if_any(options, "top_k", sampling.top_k);
    read_if_any(options, "top_p", sampling.top_p);
    return sampling;
  }
};

/// The first token, which the condition alone gives.
int64_t first_token(LlamaGenStream& stream, const nn::TokenSampling& sampling, const at::Tensor& numbers) {
  const auto p = nn::filtered_distributions(stream.begin().cpu(), sampling)[0];
  return nn::race_winners(p, numbers).item<int64_t>();
}

std::shared_ptr<LlamaGen> draft_model(const ParityCase& fixture, const Config& options,
                                      const runtime::NamedTensors& weights) {
  auto model = std::make_shared<LlamaGen>(options_among<LlamaGenOptions>(options));
  fixture.load(*model, weights);
  model->eval();
  return model;
}

/// What the rounds of a generation were like.
struct RoundRecord {
  std::vector<std::vector<int64_t>> fed, accepted;
  std::vector<int64_t> counts;
  std::vector<at::Tensor> p, q;

  void add(const nn::DraftRound& round) {
    const auto& tree = round.tree;
    fed.push_back(tree.tokens);
    auto& appended = accepted.emplace_back();
    for (const int64_t node : round.path.nodes) {
      if (node > 0) appended.push_back(tree.tokens[static_cast<std::size_t>(node)]);
    }
    appended.push_back(round.path.next);
    counts.push_back(static_cast<int64_t>(appended.size()));
    p.push_back(round.p);
    std::vector<at::Tensor> drawn(tree.q.begin() + (tree.is_drawn() ? 1 : 0), tree.q.end());
    q.push_back(drawn.empty() ? at::zeros({0, round.p.size(1)}) : at::stack(drawn));
  }
  /// Without node 0.
  std::vector<std::vector<int64_t>> drafts() const {
    std::vector<std::vector<int64_t>> drafts;
    for (const auto& row : fed) drafts.emplace_back(row.begin() + 1, row.end());
    return drafts;
  }
};

void check_tokens(const DraftRun& run, const std::vector<int64_t>& tokens, ParityReport& report) {
  report.check(run.output("ids"), at::tensor(tokens, at::kLong));
}

void replay_speculative_run(const DraftRun& run, const LlamaGen& model, const LlamaGen& small,
                            ParityReport& report) {
  const int64_t length = model.options().block_size, drafts = run.number("drafts");
  const auto sampling = run.sampling(nn::kTemperatureFirst);
  LlamaGenStream stream(model, run.condition(), run.guidance()),
      small_stream(small, run.condition(), run.guidance());
  std::vector<int64_t> tokens{first_token(stream, sampling, run.input("first_exp"))};
  small_stream.begin();
  LlamaGenTarget other({&small_stream});
  nn::ModelDrafter drafter(other, drafts, {.sampling = sampling});
  RecordedDrafts random_inputs(
      {.following = run.input("exp"), .drafts = run.input("draft_exp"), .uniform = run.input("u")});
  RoundRecord record;
  const nn::RatioAcceptor acceptor;
  const DraftReplay replay{.stream = stream,
                           .drafter = drafter,
                           .acceptor = acceptor,
                           .sampling = sampling,
                           .watch = [&](const nn::DraftRound& round) { record.add(round); }};
  tokens = replay.decode(tokens, length, random_inputs);
  report.check(run.output("drafts"), padded_rows(record.drafts(), drafts));
  report.check(run.output("q"), padded_rows(record.q, drafts));
  report.check(run.output("p"), padded_rows(record.p, drafts + 1));
  report.check(run.output("accepted"), padded_rows(record.accepted, drafts + 1));
  report.check(run.output("accepted_count"), at::tensor(record.counts, at::kLong));
  check_tokens(run, tokens, report);
  report.check(run.output("forward_passes"), at::tensor({stream.passes(), small_stream.passes()}, at::kLong));
}

/// How a run of Jacobi iterations decodes.
struct JacobiRun {
  explicit JacobiRun(const DraftRun& run) : width(run.number("window")) {
    official = run.options.has("interval_r");
    if (run.options.has("scheme")) equality = run.options.text("scheme") == "jacobi";
    if (run.options.has("kind")) shared = run.options.text("kind") == "fixed_noise";
    if (run.options.has("init") && run.options.text("init") == "left") fresh = nn::FreshDraft::left;
    read_if_any(run.options, "interval_l", interval_l);
    read_if_any(run.options, "interval_r", interval_r);
  }
  /// The official schedule: drafts only where none can lie behind the picture. A pass has the window that the
  /// length before the pass before it asks for.
  int64_t window(int64_t tokens) {
    if (!official) return width;
    constexpr int64_t kStart = 1;
    const int64_t before = std::exchange(tokens_before, tokens);
    const bool inside = kStart + interval_l <= before && before < kStart + interval_r;
    return inside ? std::min(width, kStart + interval_r - before) : 1;
  }
  /// The official loop takes VAR's rule for top_p; the exact one filters as LlamaGen does.
  nn::FilterRules rules() const { return official ? nn::kTemperatureLast : nn::kTemperatureFirst; }

  int64_t width, interval_l = 1, interval_r = 0, tokens_before = 0;
  bool official = false, equality = false, shared = false;
  nn::FreshDraft fresh = nn::FreshDraft::random;
};

/// The tokens drawn one after the other with the same numbers by place.
at::Tensor one_by_one(const DraftRun& run, const LlamaGen& model, const nn::TokenSampling& sampling) {
  LlamaGenStream stream(model, run.condition(), run.guidance());
  const int64_t length = model.options().block_size;
  std::vector<int64_t> tokens{first_token(stream, sampling, run.input("exp")[0])};
  nn::NoDrafts none;
  RecordedDrafts random_inputs({.following = run.input("exp"), .by_place = true});
  const nn::EqualityAcceptor acceptor;
  const DraftReplay replay{.stream = stream, .drafter = none, .acceptor = acceptor, .sampling = sampling};
  return at::tensor(replay.decode(tokens, length, random_inputs), at::kLong);
}

/// The samples of each pass, which the window goes on with, and the distributions that drafts are of.
void check_window(const DraftRun& run, const RoundRecord& record, int64_t width, ParityReport& report) {
  const auto check = [&](const char* what, const auto& value) {
    if (run.fixture.io.contains(run.output(what))) report.check(run.output(what), value());
  };
  check("next", [&] {
    std::vector<std::vector<int64_t>> next;
    const auto numbers = run.input("exp");
    for (std::size_t n = 0; n < record.p.size(); ++n) {
      const auto& p = record.p[n];
      const auto won =
          nn::race_winners(p, numbers[static_cast<int64_t>(n)].narrow(0, 0, p.size(0))).contiguous();
      next.emplace_back(won.const_data_ptr<int64_t>(), won.const_data_ptr<int64_t>() + won.numel());
    }
    return padded_rows(next, width);
  });
  // What node 0 was drawn from is recorded as well, but used by nothing: it is taken from the case.
  check("q", [&] {
    const auto drafts = padded_rows(record.q, width - 1);
    return at::cat({run.fixture.io.at(run.output("q")).cpu().narrow(1, 0, 1), drafts}, 1);
  });
  check("p", [&] { return padded_rows(record.p, width); });
}

void replay_jacobi_run(const DraftRun& run, const LlamaGen& model, ParityReport& report) {
  JacobiRun how(run);
  const int64_t length = model.options().block_size;
  const auto sampling = run.sampling(how.rules());
  LlamaGenStream stream(model, run.condition(), run.guidance());
  const auto first = how.shared ? run.input("exp")[0] : run.input("first_exp");
  std::vector<int64_t> tokens{first_token(stream, sampling, first)};
  nn::RowDrafters drafter(std::make_unique<nn::WindowDrafter>(
      nn::WindowDrafter::Options{.codes = model.options().vocab_size,
                                 .width = model.options().side(),
                                 .fresh = how.fresh,
                                 .window = [&](int64_t count) { return how.window(count); }}));
  RecordedDrafts random_inputs({.following = run.input("exp"),
                                .residual = run.input("resample_exp"),
                                .uniform = run.input("u"),
                                .codes = run.input("rand_tokens"),
                                .by_place = how.shared});
  const nn::EqualityAcceptor equality;
  const nn::RatioAcceptor ratio;
  const bool equal = how.equality || how.shared;
  RoundRecord record;
  const DraftReplay replay{.stream = stream,
                           .drafter = drafter,
                           .acceptor = equal ? static_cast<const nn::DraftAcceptor&>(equality) : ratio,
                           .sampling = sampling,
                           .watch = [&](const nn::DraftRound& round) { record.add(round); }};
  tokens = replay.decode(tokens, length, random_inputs);
  report.check(run.output("window"), padded_rows(record.fed, how.width));
  check_window(run, record, how.width, report);
  report.check(run.output("accepted"), padded_rows(record.accepted, how.width));
  report.check(run.output("accepted_count"), at::tensor(record.counts, at::kLong));
  check_tokens(run, tokens, report);
  report.check(run.output("forward_passes"), at::scalar_tensor(stream.passes(), at::kLong));
  if (run.fixture.io.contains(run.output("one_by_one_ids")))
    report.check(run.output("one_by_one_ids"), one_by_one(run, model, sampling));
}

}  // namespace

void replay_speculative(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto weights = fixture.weights();
  const auto model = draft_model(fixture, fixture.config.at("target"), weights_of(weights, "target."));
  const auto small = draft_model(fixture, fixture.config.at("drafter"), weights_of(weights, "drafter."));
  for (const auto& [name, run] : fixture.config.at("runs").members())
    replay_speculative_run({fixture, name, run}, *model, *small, report);
}

void replay_jacobi(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto model = draft_model(fixture, fixture.config, fixture.weights());
  for (const auto& [name, run] : fixture.config.at("runs").members())
    replay_jacobi_run({fixture, name, run}, *model, report);
}

}  // namespace arzoo::image
