#include "runtime/initial_weights.h"

#include "runtime/named_tensors.h"
#include "runtime/optimizer.h"
#include "runtime/parameter_count.h"
#include "runtime/safetensors.h"
#include "support/one_thread.h"
#include "support/test.h"

using namespace arzoo;
using runtime::TrainingOptions;
using test::TempDir;

namespace {

struct InitialNet : torch::nn::Module {
  explicit InitialNet(int64_t outs = 2)
      : body(register_module("body", torch::nn::Linear(3, 4))),
        head(register_module("head", torch::nn::Linear(4, outs))) {}
  torch::nn::Linear body, head;
};

Config patterns(const Json& list) { return {list, "run.json", "/training/trainable"}; }

/// A model folder with the weights of `net`.
std::filesystem::path saved(const TempDir& temp, const InitialNet& net, const std::string& folder = "model") {
  std::filesystem::create_directories(temp / folder);
  runtime::write_safetensors(temp / folder / "model.safetensors", runtime::state_dict(net).entries());
  return temp / folder;
}

TrainingOptions from(const std::filesystem::path& path, std::vector<std::string> except = {}) {
  TrainingOptions options;
  options.init_from = path.string();
  options.init_except = std::move(except);
  return options;
}

}  // namespace

TEST_CASE("weights come from a model folder, a run directory or a file alike") {
  const TempDir temp;
  InitialNet source;
  const auto folder = saved(temp, source, "run/model");
  const std::vector<std::filesystem::path> paths{folder, temp / "run", folder / "model.safetensors"};
  const auto& path = paths[GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2})];
  InitialNet target;
  const auto told = runtime::load_initial_weights(target, from(path));
  CHECK(at::equal(target.body->weight, source.body->weight));
  CHECK(told == "initial weights loaded: 4 tensors from " + path.string());
}

TEST_CASE("what init_except names may be missing, foreign or of another shape, and starts fresh") {
  const TempDir temp;
  InitialNet source, target(5);
  const auto before = target.head->weight.detach().clone();
  const auto folder = saved(temp, source);
  CHECK_THROWS_WITH(runtime::load_initial_weights(target, from(folder)), ContainsSubstring("2 misshapen"));
  const auto told = runtime::load_initial_weights(target, from(folder, {"head"}));
  CHECK(at::equal(target.body->weight, source.body->weight));
  CHECK(at::equal(target.head->weight, before));
  CHECK_THAT(told, ContainsSubstring(R"(2 start fresh ("head.weight", "head.bias"))"));
}

TEST_CASE("an exception that is there after all is loaded") {
  const TempDir temp;
  InitialNet source, target;
  runtime::load_initial_weights(target, from(saved(temp, source), {"*"}));
  CHECK(at::equal(target.head->weight, source.head->weight));
}

TEST_CASE("weights that are not there are named") {
  const TempDir temp;
  InitialNet net;
  CHECK_THROWS_AS(runtime::load_initial_weights(net, from(temp / "none")), CheckpointError);
  CHECK_THROWS_WITH(runtime::load_initial_weights(net, from(temp / "none")),
                    ContainsSubstring("training.init_from"));
  CHECK_THROWS_AS(runtime::load_initial_weights(net, from(temp.path())), CheckpointError);
}

TEST_CASE("only what is named is trained: the rest has no gradient and no moments") {
  InitialNet net;
  runtime::select_trainable(net, patterns({"head"}));
  net.head->forward(net.body->forward(at::ones({2, 3}))).sum().backward();
  CHECK(net.head->weight.grad().defined());
  CHECK_FALSE(net.body->weight.grad().defined());
  runtime::Optimizer optimizer(net.parameters(), {});
  REQUIRE(optimizer.state().moments.size() == 2);
  CHECK(optimizer.state().moments[0].values.size() == 2);
  const auto count = runtime::count_parameters(net);
  CHECK(count.all == 16 + 10);
  CHECK(count.trained == 10);
}

TEST_CASE("an empty list trains everything") {
  InitialNet net;
  runtime::select_trainable(net, patterns(Json::array()));
  CHECK(runtime::count_parameters(net).trained == 26);
}

TEST_CASE("a fixed parameter is not trained because a pattern means it") {
  InitialNet net;
  net.head->bias.set_requires_grad(false);
  runtime::select_trainable(net, patterns({"*"}));
  CHECK(runtime::count_parameters(net).trained == 24);
  CHECK_THROWS_AS(runtime::select_trainable(net, patterns({"head.bias"})), ConfigError);
}

TEST_CASE("a pattern that means nothing is refused with the nearest name") {
  InitialNet net;
  CHECK_THROWS_WITH(
      runtime::select_trainable(net, patterns({"head", "bodi"})),
      "run.json: /training/trainable/1: \"bodi\" means no parameter of the model (did you mean \"body\"?)");
  CHECK_THROWS_WITH(runtime::select_trainable(net, patterns({"head.wieght"})),
                    ContainsSubstring("did you mean \"head.weight\"?"));
}
