#include <fstream>
#include <iterator>

#include "cli/hostile_files.h"
#include "core/json_reader.h"
#include "fuzz/commands/small_model.h"

namespace arzoo::fuzz {
namespace {

using test::repeated;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The config with one value replaced, its place given by a JSON pointer.
std::string changed(Json config, const std::string& place, const Json& value) {
  config[Json::json_pointer(place)] = value;
  return dump_json(config);
}

/// The config with a text in place of the first `what`.
std::string with(std::string config, const std::string& what, const std::string& text) {
  const auto at = config.find(what);
  return at == config.npos ? config : config.replace(at, what.size(), text);
}

std::vector<std::string> configs(const std::string& config) {
  const auto json = *try_read_json(config);
  Json scalers = Json::object(), seen = Json::object();
  for (int i = 0; i < 3'000; ++i) {
    scalers[fmt::format("s{}", i)] = {{"mean", {1.5, 2.5}}, {"scale", {1.0, 2.0}}};
    seen[fmt::format("s{}", i)] = {"2019-01-01 00:00:00", "2019-02-01 00:00:00", "2019-03-01 00:00:00"};
  }
  return {changed(json, "/scalers", scalers),
          changed(json, "/seen_rows", seen),
          changed(json, "/variates/0", std::string(100'000, 'v')),
          changed(json, "/freq", "1000000000000Y"),
          with(config, "\"scalers\": {", "\"scalers\": " + repeated(R"({"a":)", 60'000)),
          with(config, "\"variates\": [", "\"variates\": [" + repeated("0,", 100'000))};
}

/// The config with each of its numbers replaced by one that is too small, too large or of another kind.
std::vector<std::string> with_other_numbers(const std::string& config) {
  const auto json = *try_read_json(config);
  std::vector<std::string> seeds;
  const auto numbers = json.flatten();
  for (const auto& [place, value] : numbers.items()) {
    if (!value.is_number() || place.starts_with("/scalers")) continue;
    for (const auto& other : {Json(0), Json(1), Json(7), Json(1000), Json(10'000'000), Json(0.5)})
      seeds.push_back(changed(json, place, other));
  }
  return seeds;
}

}  // namespace

std::vector<std::string> made_seeds() {
  const CommandTarget files;
  std::vector<std::string> seeds;
  for (const auto& name : small_models()) {
    write_small_model(files.folder() / name, name);
    seeds.push_back(read(files.folder() / name / "config.json"));
    for (auto& seed : with_other_numbers(seeds.back())) seeds.push_back(std::move(seed));
  }
  const auto config = read(files.folder() / "itransformer/config.json"),
             weights = read(files.folder() / "itransformer/model.safetensors");
  for (auto& seed : configs(config)) seeds.push_back(std::move(seed));
  seeds.push_back(config + '\0' + weights);
  seeds.push_back(R"({"model": "iTransformer", "seq_len": 24, "label_len": 12, "pred_len": 12, "enc_in": 2, )"
                  R"("d_model": 16, "n_heads": 2, "e_layers": 1, "d_ff": 16, "freq": "h"})");
  for (const auto& file : {weights, test::safetensors_of(5'000, 4), test::pth_of_one_storage(1000, 1 << 12),
                           test::pickled_checkpoint("}" + test::pickled_item("w", test::pickled_tensor()))})
    seeds.push_back(file);
  return seeds;
}

}  // namespace arzoo::fuzz
