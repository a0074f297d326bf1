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
std::string changed(Json config, const char* place, const Json& value) {
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
  std::vector<std::string> seeds{
      changed(json, "/scalers", scalers),
      changed(json, "/seen_rows", seen),
      changed(json, "/variates/0", std::string(100'000, 'v')),
      changed(json, "/freq", "1000000000000Y"),
      with(config, "\"scalers\": {", "\"scalers\": " + repeated(R"({"a":)", 60'000)),
      with(config, "\"variates\": [", "\"variates\": [" + repeated("0,", 100'000))};
  for (const char* place :
       {"/model/e_layers", "/model/d_model", "/model/d_ff", "/model/n_heads", "/shape/seq_len",
        "/shape/pred_len", "/shape/label_len", "/shape/enc_in", "/shape/marks"}) {
    for (const auto& value : {Json(1024), Json(1e9), Json(-1), Json(0.5), Json("1")})
      seeds.push_back(changed(json, place, value));
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
