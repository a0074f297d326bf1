#include "core/seeded_random.h"
#include "distill/dd1_student.h"

#include <torch/torch.h>

#include "runtime/named_tensors.h"
#include "support/tiny_var.h"

using namespace arzoo;
using namespace arzoo::distill;
using test::TinyVar;

namespace {

/// A student of the tiny VAR, of scales of 1, 4, 9 and 25 tokens.
struct TinyStudent {
  explicit TinyStudent(const std::string& mapping = "flow", const std::string& tokens = "likeliest")
      : student(options(mapping, tokens), teacher.vae) {
    torch::manual_seed(2);
    const torch::NoGradGuard no_grad;
    student.model().start_from(teacher.model);
    for (auto& parameter : student.model().parameters()) parameter.add_(at::randn_like(parameter), 0.1);
    student.model().eval();
    labels = at::tensor({int64_t{1}, int64_t{4}});
    noise = at::randn({2, 39, 6});
  }
  static Dd1VarOptions options(const std::string& mapping, const std::string& tokens = "likeliest") {
    Dd1VarOptions options;
    options.tokens = tokens;
    options.var = test::tiny_var_options();
    options.loss_split_t = 2;
    options.mapping = mapping;
    return options;
  }

  TinyVar teacher;
  Dd1Student student;
  at::Tensor labels, noise;
};

}  // namespace

TEST_CASE("a token sees the scales below its own and itself") {
  TinyStudent tiny;
  const torch::NoGradGuard no_grad;
  auto& model = tiny.student.model();
  const auto before = model.hidden(tiny.labels, tiny.noise, 0).tokens;
  auto other = tiny.noise.clone();
  other.select(1, 7).add_(1.0);  // of the third scale, tokens 5 to 13
  const auto after = model.hidden(tiny.labels, other, 0).tokens;
  for (int64_t i = 0; i < 39; ++i) {
    INFO(i);
    const bool sees = i == 7 || i > 13;
    CHECK(at::allclose(before.select(1, i), after.select(1, i)) != sees);
  }
}

TEST_CASE("a step keeps what is known, chooses codes before the split and takes vectors after it") {
  TinyStudent tiny;
  auto& model = tiny.student.model();
  const auto& codebook = tiny.teacher.vae.quantizer().codebook();
  const Dd1Sampler sampler(model, codebook);
  const auto one = sampler.step(tiny.labels, tiny.noise, 0);
  const auto codes = [&](const at::Tensor& x) {
    return at::embedding(codebook, image::nearest_codes(x.flatten(0, 1), codebook)).view(x.sizes());
  };
  CHECK(at::equal(one.narrow(1, 0, 5), codes(one.narrow(1, 0, 5))));
  CHECK_FALSE(at::allclose(one.narrow(1, 5, 34), codes(one.narrow(1, 5, 34))));
  const auto two = sampler.sample(tiny.labels, tiny.noise, {0, 2});
  CHECK(at::equal(two.narrow(1, 0, 5), one.narrow(1, 0, 5)));
  CHECK_FALSE(at::allclose(two, one));
}

TEST_CASE("a picture is determined by its noise, whatever the rest of the batch") {
  TinyStudent tiny;
  nn::SeededRandomInputs random_inputs({1, 2});
  const auto both = tiny.student.sample(tiny.labels, tiny.noise, 2, random_inputs);
  const auto alone =
      tiny.student.sample(tiny.labels.narrow(0, 1, 1), tiny.noise.narrow(0, 1, 1), 2, random_inputs);
  CHECK(at::allclose(alone[0], both[1], 1e-4, 1e-5));
}

TEST_CASE("the naive student samples every token from the codebook, in one step") {
  TinyStudent tiny("none");
  CHECK(tiny.student.most_steps() == 1);
  nn::SeededRandomInputs random_inputs({1, 2}), others({3, 4});
  const auto x = tiny.student.sample(tiny.labels, tiny.noise, 1, random_inputs);
  CHECK_FALSE(at::equal(x, tiny.student.sample(tiny.labels, tiny.noise, 1, others)));
  const auto& codebook = tiny.teacher.vae.quantizer().codebook();
  CHECK(
      at::equal(x, at::embedding(codebook, image::nearest_codes(x.flatten(0, 1), codebook)).view(x.sizes())));
}

TEST_CASE("a student with sampled codes samples them by their probabilities, before the split") {
  TinyStudent tiny("flow", "drawn");
  nn::SeededRandomInputs random_inputs({1, 2}), again({1, 2}), others({3, 4});
  const auto x = tiny.student.sample(tiny.labels, tiny.noise, 1, random_inputs);
  CHECK(at::equal(x, tiny.student.sample(tiny.labels, tiny.noise, 1, again)));
  const auto y = tiny.student.sample(tiny.labels, tiny.noise, 1, others);
  CHECK_FALSE(at::equal(x.narrow(1, 0, 5), y.narrow(1, 0, 5)));
  CHECK(at::equal(x.narrow(1, 5, 34), y.narrow(1, 5, 34)));
  // Over 4096 samples the token of the class is as frequent as its score says.
  const auto& codebook = tiny.teacher.vae.quantizer().codebook();
  constexpr int64_t kSamples = 4096;
  std::vector<uint64_t> seeds(kSamples);
  for (int64_t i = 0; i < kSamples; ++i)
    seeds[static_cast<std::size_t>(i)] = splitmix64(static_cast<uint64_t>(i));
  nn::SeededRandomInputs many(seeds);
  const auto label = tiny.labels.narrow(0, 0, 1), noise = tiny.noise.narrow(0, 0, 1);
  const auto first =
      tiny.student.sample(label.expand({kSamples}), noise.expand({kSamples, -1, -1}), 1, many).select(1, 0);
  const auto ids = image::nearest_codes(first, codebook);
  const auto shares = at::bincount(ids, {}, codebook.size(0)).to(at::kFloat) / static_cast<double>(kSamples);
  const torch::NoGradGuard no_grad;
  auto& model = tiny.student.model();
  const auto wanted = at::softmax(model.logits(model.hidden(label, noise, 0).part(0, 1)), -1).flatten();
  CHECK((shares - wanted).abs().max().item<double>() < 0.03);
}

TEST_CASE("a student starts with its teacher's weights, its class level and first place beside them") {
  TinyVar teacher;
  Dd1Var student(TinyStudent::options("flow"));
  student.start_from(teacher.model);
  const auto own = runtime::state_dict(student), theirs = runtime::state_dict(teacher.model);
  CHECK(at::equal(own.at("blocks.1.attn.proj.weight"), theirs.at("blocks.1.attn.proj.weight")));
  const auto &places = own.at("pos_1LC"), &their_places = theirs.at("pos_1LC");
  CHECK(places.size(1) == their_places.size(1) + 1);
  CHECK(at::equal(places.narrow(1, 2, 38), their_places.narrow(1, 1, 38)));
  CHECK(at::equal(places.narrow(1, 0, 1), their_places.narrow(1, 0, 1)));
  CHECK(own.at("layerwise_n_d_embed.4.weight").isfinite().all().item<bool>());
}
