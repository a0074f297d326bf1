#include "nn/draft_decoding.h"

#include <cmath>

#include "support/test.h"

using namespace arzoo;
using namespace arzoo::nn;

namespace {

constexpr int64_t kCodes = 4, kLength = 4;
constexpr int64_t kSequences = 6000;

/// A model whose every conditional distribution is known.
struct Table {
  /// Each drawn evenly from all distributions (Dirichlet with parameters 1), of the contexts' own seed.
  explicit Table(uint64_t seed) {
    for (int64_t context = 0; context < 400; ++context) {
      const auto generator = at::make_generator<at::CPUGeneratorImpl>(seed * 1000 + context);
      const auto weights = -at::rand({kCodes}, generator).clamp_min(1e-9).log();
      rows.push_back(weights / weights.sum());
    }
  }
  /// The distribution after these tokens.
  const at::Tensor& after(const std::vector<int64_t>& tokens) const {
    int64_t number = 0;
    for (const int64_t token : tokens) number = number * (kCodes + 1) + token + 1;
    return rows.at(static_cast<std::size_t>(number % 400));
  }
  std::vector<at::Tensor> rows;
};

/// The table as a model in the middle of a generation.
class TableTarget : public DraftTarget {
 public:
  explicit TableTarget(const Table& table) : table_(table) {}
  at::Tensor read(const DraftTree& tree) override {
    ++passes;
    std::vector<at::Tensor> rows;
    const auto known = static_cast<int64_t>(read_.size());
    for (int64_t node = 0; node < tree.size(); ++node) {
      std::vector<int64_t> above;
      for (int64_t at = node; at >= 0; at = tree.parents[static_cast<std::size_t>(at)])
        above.insert(above.begin(), tree.tokens[static_cast<std::size_t>(at)]);
      auto context = std::vector<int64_t>(read_.begin(), read_.begin() + known);
      context.insert(context.end(), above.begin(), above.end());
      rows.push_back(table_.after(context).log());
    }
    read_.insert(read_.end(), tree.tokens.begin(), tree.tokens.end());
    return at::stack(rows);
  }
  void keep(int64_t length, const std::vector<int64_t>& nodes) override {
    std::vector<int64_t> kept(read_.begin(), read_.begin() + length);
    for (const int64_t node : nodes) kept.push_back(read_.at(static_cast<std::size_t>(length + node)));
    read_ = kept;
  }
  int64_t passes = 0;

 private:
  const Table& table_;
  std::vector<int64_t> read_;
};

/// Trees of depth two, of a table's codes: the two most likely, or two drawn without replacement.
class TreeDrafter : public Drafter {
 public:
  TreeDrafter(const Table& table, bool drawn) : table_(table), drawn_(drawn) {}
  DraftTree propose(const std::vector<int64_t>& tokens, int64_t room, DraftRandomInputs& random) override {
    auto tree = DraftTree::of_root(tokens.back());
    if (room > 0) grow(tree, 0, tokens, std::min<int64_t>(room, 2), random);
    return tree;
  }

 private:
  void grow(DraftTree& tree, int64_t node, const std::vector<int64_t>& context, int64_t room,
            DraftRandomInputs& random) {
    const auto& q = table_.after(context);
    std::vector<int64_t> codes;
    if (drawn_) {
      codes = random.drafts(q, 2);
    } else {
      const auto best = std::get<1>(q.topk(2));
      codes = {best[0].item<int64_t>(), best[1].item<int64_t>()};
    }
    for (const int64_t code : codes) {
      const auto child = tree.add(code, node, drawn_ ? q : at::Tensor());
      auto below = context;
      below.push_back(code);
      if (room > 1) grow(tree, child, below, room - 1, random);
    }
  }
  const Table& table_;
  bool drawn_;
};

/// A typical mistake: after a rejection the token is a sample of p, not of what remains of it.
class ForgetfulAcceptor : public DraftAcceptor {
 public:
  AcceptedPath accept(const DraftTree& tree, const at::Tensor& p, int64_t first,
                      DraftRandomInputs& random) const override {
    auto path = RatioAcceptor().accept(tree, p, first, random);
    path.next = random.following(p[path.nodes.back()], 0, first);
    return path;
  }
};

/// What decodes one sequence: makes the drafter anew.
struct Decoding {
  std::function<std::unique_ptr<Drafter>(TableTarget& draft_model)> drafter;
  std::unique_ptr<DraftAcceptor> acceptor;
  TokenSampling sampling = {.rules = kTemperatureFirst};
  bool shared = false;
};

std::unique_ptr<Drafter> window_of(int64_t width, FreshDraft fresh) {
  return std::make_unique<WindowDrafter>(WindowDrafter::Options{
      .codes = kCodes, .width = 2, .fresh = fresh, .window = [width](int64_t) { return width; }});
}

std::vector<int64_t> sequence_of(const Decoding& decoder, const Table& table, const Table& other,
                                 uint64_t seed, int64_t& passes) {
  TableTarget target(table), draft_model(other);
  SeededDrafts own(seed);
  SharedDrafts by_place(seed);
  auto& random = decoder.shared ? by_place : own;
  const auto p = filtered_distributions(table.after({}).log().unsqueeze(0), decoder.sampling)[0];
  const auto drafter = decoder.drafter(draft_model);
  const auto tokens = decode_with_drafts(
      {.target = target, .drafter = *drafter, .acceptor = *decoder.acceptor, .sampling = decoder.sampling},
      {random.following(p, 0, 0)}, kLength, random);
  passes += target.passes + 1;
  return tokens;
}

int64_t number_of(const std::vector<int64_t>& tokens) {
  int64_t number = 0;
  for (const int64_t token : tokens) number = number * kCodes + token;
  return number;
}

/// The probability of each sequence.
std::vector<double> exact(const Table& table, const TokenSampling& sampling) {
  std::vector<double> shares(static_cast<std::size_t>(std::pow(kCodes, kLength)), 0.0);
  std::function<void(std::vector<int64_t>, double)> walk = [&](std::vector<int64_t> tokens, double share) {
    if (static_cast<int64_t>(tokens.size()) == kLength) {
      shares[static_cast<std::size_t>(number_of(tokens))] = share;
      return;
    }
    const auto p = filtered_distributions(table.after(tokens).log().unsqueeze(0), sampling)[0];
    for (int64_t code = 0; code < kCodes; ++code) {
      tokens.push_back(code);
      walk(tokens, share * p[code].item<double>());
      tokens.pop_back();
    }
  };
  walk({}, 1.0);
  return shares;
}

/// The p-value of Pearson's chi-square test that the decoder's sequences are samples of the table's; cells in
/// which fewer than 5 are expected are taken together.
double p_value(const Decoding& decoder, double* passes_per_sequence = nullptr) {
  const Table table(1), foreign(2);
  Table drafts(1);
  for (std::size_t i = 0; i < drafts.rows.size(); ++i)
    drafts.rows[i] = (table.rows[i] + foreign.rows[i]) / 2.0;
  const auto shares = exact(table, decoder.sampling);
  std::vector<int64_t> counts(shares.size(), 0);
  int64_t passes = 0;
  for (int64_t i = 0; i < kSequences; ++i)
    ++counts[static_cast<std::size_t>(
        number_of(sequence_of(decoder, table, drafts, static_cast<uint64_t>(i), passes)))];
  if (passes_per_sequence != nullptr)
    *passes_per_sequence = static_cast<double>(passes) / static_cast<double>(kSequences);
  double sum = 0.0, rest_expected = 0.0, rest_count = 0.0;
  int64_t cells = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double expected = shares[i] * static_cast<double>(kSequences);
    const auto count = static_cast<double>(counts[i]);
    if (expected == 0.0) REQUIRE(count == 0.0);
    if (expected < 5.0) {
      rest_expected += expected;
      rest_count += count;
      continue;
    }
    sum += (count - expected) * (count - expected) / expected;
    ++cells;
  }
  if (rest_expected > 0.0) {
    sum += (rest_count - rest_expected) * (rest_count - rest_expected) / rest_expected;
    ++cells;
  }
  const auto freedom = at::tensor(static_cast<double>(cells - 1) / 2.0, at::kDouble);
  return at::special_gammaincc(freedom, at::tensor(sum / 2.0, at::kDouble)).item<double>();
}

template <class Acceptor, class... Arguments>
std::unique_ptr<DraftAcceptor> accepting_by(Arguments&&... arguments) {
  return std::make_unique<Acceptor>(std::forward<Arguments>(arguments)...);
}

const TokenSampling kMostLikelyHalf{.top_p = 0.75, .rules = kTemperatureFirst};

Decoding lossless_decoder(int which) {
  const auto window = [](int64_t width, FreshDraft fresh) {
    return [=](TableTarget&) { return window_of(width, fresh); };
  };
  switch (which) {
    case 0:
      return {[](TableTarget&) { return std::make_unique<NoDrafts>(); }, accepting_by<EqualityAcceptor>()};
    case 1:
      return {window(4, FreshDraft::random), accepting_by<RatioAcceptor>()};
    case 2:
      return {window(3, FreshDraft::left), accepting_by<RatioAcceptor>()};
    case 3:
      return {window(4, FreshDraft::random), accepting_by<RatioAcceptor>(), kMostLikelyHalf};
    case 4:
      return {window(4, FreshDraft::upper), accepting_by<EqualityAcceptor>()};
    case 5:
      return {
          window(4, FreshDraft::left), accepting_by<EqualityAcceptor>(), {.rules = kTemperatureFirst}, true};
    case 6:
      return {[](TableTarget& model) {
                return std::make_unique<ModelDrafter>(model, 3, TokenSampling{.rules = kTemperatureFirst});
              },
              accepting_by<RatioAcceptor>()};
    default: {
      static const Table drafts(2);
      return {[which](TableTarget&) { return std::make_unique<TreeDrafter>(drafts, which == 8); },
              accepting_by<RatioAcceptor>()};
    }
  }
}

}  // namespace

TEST_CASE("decoding with drafts samples the model's distribution, in fewer passes") {
  const int which = GENERATE(range(0, 9));
  double passes = 0.0;
  INFO("decoder " << which);
  CHECK(p_value(lossless_decoder(which), &passes) > 1e-4);
  if (which == 0) {
    CHECK(passes == static_cast<double>(kLength));
  } else {
    CHECK(passes < static_cast<double>(kLength) - 0.2);
  }
}

TEST_CASE("the test of distributions notices decoders that are wrong") {
  SECTION("a rejected draft is replaced by a sample of p") {
    CHECK(p_value({[](TableTarget&) { return window_of(4, FreshDraft::random); },
                   accepting_by<ForgetfulAcceptor>()}) < 1e-6);
  }
  SECTION("acceptance is relaxed") {
    const auto nearest = nearest_other_codes(at::tensor({0.0F, 1.0F, 2.1F, 3.3F}).unsqueeze(1), 3);
    static const Table drafts(2);
    CHECK(p_value({[](TableTarget&) { return std::make_unique<TreeDrafter>(drafts, false); },
                   accepting_by<RatioAcceptor>(Relaxation{nearest, 0.2})}) < 1e-6);
  }
}

TEST_CASE("with shared noise a window gives the very tokens of one by one") {
  const Table table(3), other(4);
  const auto window = GENERATE(1, 2, 3, 4, 9);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    int64_t passes = 0, fewer = 0;
    const Decoding one{[](TableTarget&) { return std::make_unique<NoDrafts>(); },
                       accepting_by<EqualityAcceptor>(),
                       {.rules = kTemperatureFirst},
                       true};
    const Decoding jacobi{[=](TableTarget&) { return window_of(window, FreshDraft::left); },
                          accepting_by<EqualityAcceptor>(),
                          {.rules = kTemperatureFirst},
                          true};
    CHECK(sequence_of(one, table, other, seed, passes) == sequence_of(jacobi, table, other, seed, fewer));
    CHECK(fewer <= passes);
  }
}

TEST_CASE("places that are given keep their tokens, whatever is drafted") {
  const Table table(5);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    TableTarget target(table);
    SeededDrafts random(seed);
    const auto drafter = window_of(4, FreshDraft::random);
    const auto given = [](int64_t place) { return place == 2 ? int64_t{1} : int64_t{-1}; };
    const auto tokens = decode_with_drafts({.target = target,
                                            .drafter = *drafter,
                                            .acceptor = RatioAcceptor(),
                                            .sampling = {.rules = kTemperatureFirst},
                                            .given = given},
                                           {0}, kLength, random);
    CHECK(tokens.size() == kLength);
    CHECK(tokens[2] == 1);
  }
}

TEST_CASE("greedy decoding takes the longest path of most likely codes") {
  DraftTree tree = DraftTree::of_root(7);
  const auto a = tree.add(1, 0), b = tree.add(2, 0);
  tree.add(0, a);
  tree.add(3, b);
  auto p = at::full({5, 4}, 0.1F);
  p[0][2] = 0.7F;  // after the root: 2
  p[2][3] = 0.7F;  // after 2: 3
  p[4][1] = 0.7F;
  SeededDrafts random(1);
  const auto path = GreedyAcceptor().accept(tree, p, 0, random);
  CHECK(path.nodes == std::vector<int64_t>{0, 2, 4});
  CHECK(path.next == 1);
}

TEST_CASE("a tree's paths, depths and children") {
  DraftTree tree = DraftTree::of_root(9);
  tree.add(1, 0);
  tree.add(2, 0);
  tree.add(3, 1);
  tree.add(4, 1);
  CHECK(tree.children(0) == std::vector<int64_t>{1, 2});
  CHECK(tree.depths() == std::vector<int64_t>{0, 1, 1, 2, 2});
  CHECK(tree.paths() == std::vector<std::vector<int64_t>>{{0, 1, 3}, {0, 1, 4}, {0, 2}});
}

TEST_CASE("what decoding came to is counted by depth") {
  DraftTree tree = DraftTree::of_root(9);
  tree.add(1, 0);
  tree.add(2, 1);
  AcceptedPath path;
  path.nodes = {0, 1};
  DraftCounts counts, sum;
  counts.add(tree, path);
  sum.add(counts);
  sum.add(counts);
  CHECK(sum.passes == 2);
  CHECK(sum.tokens == 4);
  CHECK(sum.tokens_per_pass() == 2.0);
  CHECK(sum.offered == std::vector<int64_t>{2, 2});
  CHECK(sum.accepted == std::vector<int64_t>{2, 0});
}
