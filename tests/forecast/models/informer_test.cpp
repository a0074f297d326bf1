#include "forecast/models/informer.h"

#include "runtime/named_tensors.h"
#include "support/forecasters.h"

using namespace arzoo;
using forecast::SeriesShape;
using test::forecast_of;
using test::random_batch;

namespace {

constexpr SeriesShape kInformerShape{
    .seq_len = 24, .label_len = 10, .pred_len = 13, .enc_in = 3, .c_out = 3, .marks = 4};

std::shared_ptr<forecast::Forecaster> tiny_informer(const std::string& name,
                                                    const Json& changes = Json::object(),
                                                    const SeriesShape& shape = kInformerShape) {
  Json section{{"name", name}, {"d_model", 12}, {"n_heads", 2}, {"d_ff", 16}, {"factor", 1}};
  section.merge_patch(changes);
  return test::tiny_model(section, shape);
}

std::string any_variant() {
  return GENERATE(as<std::string>{}, "informer", "informerstack", "informer_tslib");
}

}  // namespace

TEST_CASE("an Informer in inference, under autograd and traced agree in every variant") {
  const auto name = any_variant();
  const auto changes =
      GENERATE(Json::object(), Json{{"distil", false}}, Json{{"d_layers", 2}}, Json{{"activation", "relu"}});
  const auto model = tiny_informer(name, changes);
  auto batch = random_batch(3, kInformerShape);
  const auto inference = forecast_of(*model, batch);
  INFO(name << changes.dump());
  CHECK(inference.sizes() == at::IntArrayRef({3, kInformerShape.pred_len, 3}));
  CHECK(at::allclose(model->forecast(batch), inference, 1e-4, 1e-5));
  runtime::Trace trace;
  batch.trace = &trace;
  CHECK(at::allclose(model->forecast(batch), inference, 1e-4, 1e-5));
}

TEST_CASE("attention and the order of heads are the options'") {
  const auto changes = GENERATE(Json{{"attn", "full"}}, Json{{"mix", false}}, Json{{"padding", 1}});
  const auto batch = random_batch(2, kInformerShape);
  const auto plain = tiny_informer("informer", {{"factor", 2}}), other = tiny_informer("informer", changes);
  runtime::load_strictly(*other, runtime::state_dict(*plain), "the same weights");
  CHECK_FALSE(at::allclose(forecast_of(*other, batch), forecast_of(*plain, batch), 1e-3, 1e-3));
}

TEST_CASE("a forecast depends on its window alone, unless keys are sampled anew") {
  const auto name = any_variant();
  const auto batch = random_batch(2, kInformerShape);
  const auto model = tiny_informer(name), fresh = tiny_informer(name, {{"resample", true}});
  const auto first = forecast_of(*model, batch);
  at::rand({3});
  CHECK(at::equal(forecast_of(*model, batch), first));
  torch::manual_seed(0);
  // Repeatable random inputs are those of a pass right after torch.manual_seed(0).
  CHECK(at::equal(forecast_of(*fresh, batch), first));
  CHECK_FALSE(at::equal(forecast_of(*fresh, batch), first));
}

TEST_CASE("training samples from the default generator") {
  const auto model = tiny_informer("informer", {{"dropout", 0.0}});
  const auto batch = random_batch(2, kInformerShape);
  model->train();
  const auto loss = [&](uint64_t seed) {
    torch::manual_seed(seed);
    return model->loss(batch).total.item<double>();
  };
  CHECK(loss(1) == loss(1));
  CHECK(loss(1) != loss(2));
}

TEST_CASE("what the loader puts into the decoder's future is replaced by the padding") {
  auto batch = random_batch(2, kInformerShape);
  const auto model = tiny_informer("informer", {{"padding", 1}});
  const auto plain = forecast_of(*model, batch);
  batch.x_dec.narrow(1, kInformerShape.label_len, kInformerShape.pred_len).fill_(1.0);
  CHECK(at::equal(forecast_of(*model, batch), plain));
}

TEST_CASE("each encoder of a stack sees the last half of what the one before saw") {
  const auto model =
      tiny_informer("informerstack", {{"s_layers", {2, 1}}, {"attn", "full"}, {"distil", false}});
  auto batch = random_batch(1, kInformerShape);
  runtime::Trace trace;
  batch.trace = &trace;
  model->forecast(batch);
  const auto find = [&](const std::string& name) {
    for (const auto& [key, value] : trace) {
      if (key == name) return value;
    }
    return at::Tensor();
  };
  CHECK(find("mid.encoder").size(1) == 24 + 12);
  CHECK(find("mid.encoder.encoders.1").size(1) == 12);
}

TEST_CASE("gradients of a whole Informer are the finite differences of its loss") {
  const auto name = any_variant();
  INFO(name);
  // In evaluation mode random inputs repeat: the loss is the same function at every point.
  const auto model = tiny_informer(name, {{"distil", false}});
  test::check_gradients(*model, random_batch(2, kInformerShape));
}

TEST_CASE("impossible Informers are refused by name") {
  CHECK_THROWS_WITH(tiny_informer("informer", {{"d_model", 13}}),
                    ContainsSubstring("d_model must be even, got 13"));
  CHECK_THROWS_WITH(tiny_informer("informer_tslib", {{"mix", true}}), ContainsSubstring("/mix: unknown key"));
  CHECK_THROWS_WITH(tiny_informer("informerstack", {{"s_layers", {1, 1, 1, 1, 1, 1}}}),
                    ContainsSubstring("seq_len 24 is too short for 6 encoders"));
}

TEST_CASE("an Informer longer than the official position table has a longer one") {
  auto shape = kInformerShape;
  const auto rows = [&](int64_t pred_len) {
    shape.pred_len = pred_len;
    return tiny_informer("informer", Json::object(), shape)
        ->named_buffers()["dec_embedding.position_embedding.pe"]
        .size(1);
  };
  CHECK(rows(10) == 5000);
  CHECK(rows(5000) == shape.label_len + 5000);
}

TEST_CASE("the two Informers of the same name are told apart by their config files") {
  const auto original = Config::parse(R"({"model": "informer", "enc_in": 3, "attn": "full"})", "config.json"),
             library = Config::parse(
                 R"({"model": "Informer", "task_name": "long_term_forecast", "enc_in": 3})", "config.json");
  CHECK(forecast::read_official_config(original, 4).model.text("name") == "informer");
  CHECK(forecast::read_official_config(library, 4).model.text("name") == "informer_tslib");
}
