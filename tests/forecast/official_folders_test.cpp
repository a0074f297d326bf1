#include "forecast/official_folders.h"

#include "forecast/forecast_model.h"
#include "forecast/models/chronos2_model.h"
#include "nn/lora.h"
#include "runtime/safetensors.h"
#include "support/series.h"

using namespace arzoo;
using forecast::ForecastModel;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

fs::path fixture(const std::string& name) { return test::source_dir() / "tests" / "fixtures" / name; }

ForecastModel opened_folder(const fs::path& folder) { return ForecastModel::open(folder, std::nullopt, {}); }

/// A published folder, copied to be spoilt.
fs::path copy_of(const TempDir& temp, const std::string& name) {
  fs::copy(fixture(name), temp / "hub", fs::copy_options::recursive);
  fs::permissions(temp / "hub", fs::perms::owner_all);
  for (const auto& entry : fs::directory_iterator(temp / "hub"))
    fs::permissions(entry.path(), fs::perms::owner_all);
  return temp / "hub";
}

void patch_config(const fs::path& folder, const Json& patch) {
  auto json = Json::parse(test::read_file(folder / "config.json"));
  json.merge_patch(patch);
  std::ofstream(folder / "config.json") << json.dump();
}

}  // namespace

TEST_CASE("published folders are told by the class that they name, or by their tensors") {
  const auto [folder, name] =
      GENERATE(table<std::string, std::string>({{"chronos2/predict_series/hub", "chronos2"},
                                                {"chronos_bolt/predict_series/hub", "chronos_bolt"},
                                                {"timesfm/forecast_flags/hub", "timesfm"}}));
  const auto model = opened_folder(fixture(folder));
  CHECK(model.name() == name);
  CHECK(model.is_zero_shot());
  CHECK(model.has_intervals());
  const auto table = test::hourly_table(30, {"a", "b"});
  const auto found = model.forecast({table}, 7, {{80.0}, {0.1, 0.5}}).front();
  CHECK(found.mean.sizes() == at::IntArrayRef({7, 2}));
  CHECK(found.quantiles.size() == 2);
  CHECK(at::equal(found.quantiles[0].second, found.intervals[0].low));
  CHECK(at::allclose(found.quantiles[1].second, found.mean));
}

TEST_CASE("a TimesFM folder needs no config at all") {
  const TempDir temp;
  const auto folder = copy_of(temp, "timesfm/forecast_flags/hub");
  fs::remove(folder / "config.json");
  CHECK(opened_folder(folder).name() == "timesfm");
}

TEST_CASE("folders of other models are refused by what they are") {
  const TempDir temp;
  const auto [config, message] = GENERATE(table<std::string, std::string>(
      {{R"({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]})", "a T5 language model"},
       {R"({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "chronos_config": {}})",
        "Chronos-T5"},
       {R"({"model_type": "timesfm2_5", "architectures": ["TimesFm2_5ModelForPrediction"]})",
        "TimesFM in the format of transformers"},
       {R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})",
        "no forecaster is called \"llama\""}}));
  temp.write("hub/config.json", config);
  CHECK_THROWS_WITH(opened_folder(temp / "hub"), ContainsSubstring(message));
}

TEST_CASE("a folder whose weights lack a tensor, or have one of another shape, is refused by its name") {
  const TempDir temp;
  const auto folder = copy_of(temp, "chronos2/predict_series/hub");
  std::vector<runtime::NamedTensors::Entry> tensors;
  const bool misshapen = GENERATE(false, true);
  const std::string name = "encoder.block.1.layer.1.self_attention.k.weight";
  for (const auto& [key, tensor] : runtime::open_tensors(folder)) {
    if (key != name) tensors.emplace_back(key, tensor.clone());
    if (key == name && misshapen) tensors.emplace_back(key, tensor.narrow(0, 0, 4).clone());
  }
  runtime::write_safetensors(folder / "model.safetensors", tensors, {});
  CHECK_THROWS_WITH(opened_folder(folder), ContainsSubstring(name));
}

TEST_CASE("a gated feed-forward, and Chronos-2 without its REG token, are refused") {
  const TempDir temp;
  const auto folder = copy_of(temp, "chronos2/predict_series/hub");
  const auto [patch, message] = GENERATE(table<std::string, std::string>(
      {{R"({"feed_forward_proj": "gated-gelu"})", "feed_forward_proj"},
       {R"({"chronos_config": {"use_reg_token": false}})", "use_reg_token must be true"},
       {R"({"chronos_config": {"output_patch_size": 16}})", "must be equal"}}));
  patch_config(folder, Json::parse(patch));
  CHECK_THROWS_WITH(opened_folder(folder), ContainsSubstring(message));
}

TEST_CASE(
    "keys that mean nothing to the model are no error, and a missing time scale is the context length") {
  const TempDir temp;
  const auto folder = copy_of(temp, "chronos2/predict_series/hub");
  patch_config(folder,
               {{"use_cache", true}, {"chronos_config", {{"new_key", 1}, {"time_encoding_scale", nullptr}}}});
  const auto model = opened_folder(folder);
  CHECK(dynamic_cast<forecast::Chronos2&>(model.module()).options().chronos_config.time_scale() == 64);
}

TEST_CASE("an adapter folder is its base with the adapter merged") {
  const TempDir temp;
  const auto base = copy_of(temp, "chronos2/predict_series/hub");
  const auto tuned = opened_folder(base);
  auto& module = dynamic_cast<torch::nn::Module&>(tuned.module());
  nn::add_lora(module, {"self_attention.q", "self_attention.v"}, {.r = 2, .scale = 2.0}, "test");
  for (const auto& [name, tensor] : nn::lora_tensors(module)) at::Tensor(tensor).normal_(0.0, 0.3);
  fs::create_directories(temp / "adapter");
  nn::write_lora_adapter(temp / "adapter", module, {"self_attention.q", "self_attention.v"},
                         {.r = 2, .scale = 2.0}, "../hub");
  const auto table = test::hourly_table(40, {"a"});
  const auto expected = tuned.forecast({table}, 9, {}).front().mean;
  CHECK(at::allclose(opened_folder(temp / "adapter").forecast({table}, 9, {}).front().mean, expected, 1e-4,
                     1e-3));
  CHECK_FALSE(at::allclose(opened_folder(base).forecast({table}, 9, {}).front().mean, expected, 1e-4, 1e-3));
  fs::remove_all(base);
  CHECK_THROWS_WITH(opened_folder(temp / "adapter"), ContainsSubstring("which is not here"));
}

TEST_CASE("missing cells stay missing for a model that reads them so, and are filled for one that is told") {
  auto model = opened_folder(fixture("chronos2/predict_series/hub"));
  auto table = test::hourly_table(40, {"a"});
  table.filled.assign(40, false);
  table.filled[33] = true;
  const auto as_missing = model.forecast({table}, 5, {}).front().mean;
  auto other = table;
  other.values[33] = 1e4;
  CHECK(at::equal(model.forecast({other}, 5, {}).front().mean, as_missing));
  model.keep_gaps(false);
  CHECK_FALSE(at::equal(model.forecast({other}, 5, {}).front().mean, as_missing));
}
