#include "nn/drafter.h"

#include <cmath>
#include <numeric>

#include "nn/conditional_table.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::nn;
using test::ConditionalTable;
using test::kCodes;
using test::TableTarget;
using test::TreeDrafter;

namespace {

constexpr int64_t kLength = 4;
constexpr int64_t kSequences = 6000, kTogether = 100;

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

/// What decodes sequences: makes the drafter anew.
struct Decoding {
  std::function<std::unique_ptr<Drafter>(TableTarget& draft_model, std::size_t rows)> drafter;
  std::unique_ptr<DraftAcceptor> acceptor;
  TokenSampling sampling = {.rules = kTemperatureFirst};
  bool shared = false;
};

/// A drafter of its own for each row.
template <class Make>
std::unique_ptr<Drafter> each_row(std::size_t rows, const Make& make) {
  std::vector<std::unique_ptr<RowDrafter>> all;
  for (std::size_t row = 0; row < rows; ++row) all.push_back(make());
  return std::make_unique<RowDrafters>(std::move(all));
}

std::unique_ptr<RowDrafter> window_of(int64_t width, FreshDraft fresh) {
  return std::make_unique<WindowDrafter>(WindowDrafter::Options{
      .codes = kCodes, .width = 2, .fresh = fresh, .window = [width](int64_t) { return width; }});
}

/// Sequences of these seeds, decoded together.
std::vector<std::vector<int64_t>> sequences_of(const Decoding& decoder, const ConditionalTable& table,
                                               const ConditionalTable& other,
                                               const std::vector<uint64_t>& seeds, int64_t& passes) {
  const std::size_t rows = seeds.size();
  TableTarget target(table, rows), draft_model(other, rows);
  std::vector<std::unique_ptr<DraftRandomInputs>> random;
  std::vector<DraftRandomInputs*> each;
  for (const auto seed : seeds) {
    if (decoder.shared) {
      random.push_back(std::make_unique<SharedDrafts>(seed));
    } else {
      random.push_back(std::make_unique<SeededDrafts>(seed));
    }
    each.push_back(random.back().get());
  }
  AcceptedDrafts choice(*decoder.acceptor, each);
  const auto drafter = decoder.drafter(draft_model, rows);
  DraftCounts counts;
  auto tokens = decode(
      {.target = target, .drafter = *drafter, .choice = choice, .rules = {.sampling = decoder.sampling}},
      std::vector<std::vector<int64_t>>(rows), kLength, &counts);
  CHECK(counts.passes == target.passes);
  CHECK(counts.tokens == kLength * static_cast<int64_t>(rows));
  passes += target.passes;
  return tokens;
}

std::vector<int64_t> sequence_of(const Decoding& decoder, const ConditionalTable& table,
                                 const ConditionalTable& other, uint64_t seed, int64_t& passes) {
  return sequences_of(decoder, table, other, {seed}, passes).front();
}

int64_t number_of(const std::vector<int64_t>& tokens) {
  int64_t number = 0;
  for (const int64_t token : tokens) number = number * kCodes + token;
  return number;
}

/// The probability of each sequence.
std::vector<double> exact(const ConditionalTable& table, const TokenSampling& sampling) {
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
  const ConditionalTable table(1), foreign(2);
  ConditionalTable drafts(1);
  for (std::size_t i = 0; i < drafts.rows.size(); ++i)
    drafts.rows[i] = (table.rows[i] + foreign.rows[i]) / 2.0;
  const auto shares = exact(table, decoder.sampling);
  std::vector<int64_t> counts(shares.size(), 0);
  int64_t passes = 0;
  for (int64_t first = 0; first < kSequences; first += kTogether) {
    std::vector<uint64_t> seeds(kTogether);
    std::iota(seeds.begin(), seeds.end(), static_cast<uint64_t>(first));
    for (const auto& tokens : sequences_of(decoder, table, drafts, seeds, passes))
      ++counts[static_cast<std::size_t>(number_of(tokens))];
  }
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

using MakeDrafter = std::function<std::unique_ptr<Drafter>(TableTarget& draft_model, std::size_t rows)>;

MakeDrafter no_drafts() {
  return [](TableTarget&, std::size_t) { return std::make_unique<NoDrafts>(); };
}

MakeDrafter trees_of(const ConditionalTable& table, bool drawn) {
  return [&table, drawn](TableTarget&, std::size_t rows) {
    return each_row(rows, [&] { return std::make_unique<TreeDrafter>(table, drawn); });
  };
}

MakeDrafter windows_of(int64_t width, FreshDraft fresh) {
  return
      [=](TableTarget&, std::size_t rows) { return each_row(rows, [=] { return window_of(width, fresh); }); };
}

Decoding lossless_decoder(int which) {
  switch (which) {
    case 0:
      return {no_drafts(), accepting_by<EqualityAcceptor>()};
    case 1:
      return {windows_of(4, FreshDraft::random), accepting_by<RatioAcceptor>()};
    case 2:
      return {windows_of(3, FreshDraft::left), accepting_by<RatioAcceptor>()};
    case 3:
      return {windows_of(4, FreshDraft::random), accepting_by<RatioAcceptor>(), kMostLikelyHalf};
    case 4:
      return {windows_of(4, FreshDraft::upper), accepting_by<EqualityAcceptor>()};
    case 5:
      return {windows_of(4, FreshDraft::left),
              accepting_by<EqualityAcceptor>(),
              {.rules = kTemperatureFirst},
              true};
    case 6:
      return {[](TableTarget& model, std::size_t) {
                return std::make_unique<ModelDrafter>(
                    model, 3, DecodingRules{.sampling = {.rules = kTemperatureFirst}});
              },
              accepting_by<RatioAcceptor>()};
    default: {
      static const ConditionalTable drafts(2);
      return {trees_of(drafts, which == 8), accepting_by<RatioAcceptor>()};
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
    CHECK(p_value({windows_of(4, FreshDraft::random), accepting_by<ForgetfulAcceptor>()}) < 1e-6);
  }
  SECTION("acceptance is relaxed") {
    const auto nearest = nearest_other_codes(at::tensor({0.0F, 1.0F, 2.1F, 3.3F}).unsqueeze(1), 3);
    static const ConditionalTable drafts(2);
    CHECK(p_value({trees_of(drafts, false), accepting_by<RatioAcceptor>(Relaxation{nearest, 0.2})}) < 1e-6);
  }
}

TEST_CASE("with shared noise a window gives the very tokens of one by one") {
  const ConditionalTable table(3), other(4);
  const auto window = GENERATE(1, 2, 3, 4, 9);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    int64_t passes = 0, fewer = 0;
    const Decoding one{no_drafts(), accepting_by<EqualityAcceptor>(), {.rules = kTemperatureFirst}, true};
    const Decoding jacobi{windows_of(window, FreshDraft::left),
                          accepting_by<EqualityAcceptor>(),
                          {.rules = kTemperatureFirst},
                          true};
    CHECK(sequence_of(one, table, other, seed, passes) == sequence_of(jacobi, table, other, seed, fewer));
    CHECK(fewer <= passes);
  }
}

TEST_CASE("rows that are decoded together are those that are decoded alone") {
  const ConditionalTable table(1), other(2);
  const auto decoder = lossless_decoder(GENERATE(range(0, 9)));
  const std::vector<uint64_t> seeds{3, 1, 4, 15, 9};
  int64_t together = 0, alone = 0;
  std::vector<std::vector<int64_t>> apart;
  for (const auto seed : seeds) apart.push_back(sequence_of(decoder, table, other, seed, alone));
  CHECK(sequences_of(decoder, table, other, seeds, together) == apart);
  CHECK(together == alone);
}

TEST_CASE("places that are given keep their tokens, whatever is drafted") {
  const ConditionalTable table(5);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    TableTarget target(table);
    SeededDrafts random(seed);
    const RatioAcceptor acceptor;
    AcceptedDrafts choice(acceptor, {&random});
    RowDrafters drafter(window_of(4, FreshDraft::random));
    const auto given = [](std::size_t, int64_t place) { return place == 2 ? int64_t{1} : int64_t{-1}; };
    const auto rows = decode({.target = target,
                              .drafter = drafter,
                              .choice = choice,
                              .rules = {.sampling = {.rules = kTemperatureFirst}},
                              .given = given},
                             {{0}}, kLength);
    CHECK(rows[0].size() == kLength);
    CHECK(rows[0][2] == 1);
  }
}

TEST_CASE("tokens that are given are drafted as they are") {
  const ConditionalTable table(5), other(6);
  const bool by_model = GENERATE(false, true);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    TableTarget target(table), draft_model(other);
    SeededDrafts random(seed);
    const RatioAcceptor acceptor;
    AcceptedDrafts choice(acceptor, {&random});
    std::unique_ptr<Drafter> drafter;
    if (by_model) {
      drafter = std::make_unique<ModelDrafter>(draft_model, 3,
                                               DecodingRules{.sampling = {.rules = kTemperatureFirst}});
    } else {
      drafter = std::make_unique<RowDrafters>(window_of(4, FreshDraft::random));
    }
    DraftCounts counts;
    const auto rows = decode({.target = target,
                              .drafter = *drafter,
                              .choice = choice,
                              .rules = {.sampling = {.rules = kTemperatureFirst}},
                              .given = [](std::size_t, int64_t place) { return place % kCodes; }},
                             {{0}}, 9, &counts);
    CHECK(rows[0] == std::vector<int64_t>{0, 1, 2, 3, 0, 1, 2, 3, 0});
    CHECK(counts.passes == 2);
  }
}

TEST_CASE("a row ends at the first of the ends, though more was accepted") {
  const ConditionalTable table(6);
  int64_t ended = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    TableTarget target(table, 2), draft_model(table, 2);
    SeededDrafts first(seed), second(seed + 100);
    const RatioAcceptor acceptor;
    AcceptedDrafts choice(acceptor, {&first, &second});
    ModelDrafter drafter(draft_model, 3, {.sampling = {.rules = kTemperatureFirst}});
    const auto rows = decode({.target = target,
                              .drafter = drafter,
                              .choice = choice,
                              .rules = {.sampling = {.rules = kTemperatureFirst}, .ends = {3}}},
                             {{0}, {1}}, 8);
    for (const auto& row : rows) {
      const auto end = std::find(row.begin(), row.end(), 3);
      CHECK((end == row.end() ? row.size() == 8 : end + 1 == row.end()));
      if (row.size() < 8) ++ended;
    }
  }
  CHECK(ended > 10);
}
