// generate-image with LlamaGen: its ways of decoding, its official file names, captions.

#include "image/eagle_head.h"
#include "support/generators.h"
#include "support/tiny_llamagen.h"

using namespace arzoo;
using test::generate;
using test::parameters;
using test::pixels;
using test::TempDir;
using test::TinyLlamaGen;
using test::write_model_folder;
namespace fs = std::filesystem;

namespace {

/// A model folder with a tokenizer in it, and drafters beside it.
struct LlamaGenFolder {
  explicit LlamaGenFolder(const image::LlamaGenOptions& options = test::tiny_llamagen_options())
      : tiny(options) {
    write_model_folder(path(), to_json(options), "llamagen", tiny.model, {{"cfg", 1.5}}, {});
    write_model_folder(path() / "vae", to_json(options.vae), "llamagen_vq", tiny.vae, {});
    if (options.by_caption()) return;
    auto smaller = options;
    smaller.n_layer = 1;
    const TinyLlamaGen small(smaller, 3);
    write_model_folder(temp / "small", to_json(smaller), "llamagen", small.model, {}, {});
    image::EagleOptions eagle;
    eagle.target = options;
    image::EagleHead head(eagle);
    head.start_from(tiny.model);
    write_model_folder(temp / "eagle", to_json(eagle), "eagle", head, {});
  }
  fs::path path() const { return temp / "model"; }

  plan::GenerateImageTask task(const std::string& output, const Json& sampling = Json::object()) const {
    plan::GenerateImageTask task{.source = {.model = path()}, .output = temp / output};
    task.compute.seed = 7;
    task.compute.threads = 1;
    task.batch_size = 1;
    task.classes = {"1", "3"};
    task.sampling = sampling;
    return task;
  }

  TempDir temp;
  TinyLlamaGen tiny;
};

}  // namespace

TEST_CASE("a LlamaGen's pictures are the same by Jacobi iterations, in fewer passes") {
  auto options = test::tiny_llamagen_options();
  options.value_memory.kind = GENERATE(as<std::string>{}, "none", "move", "lave");
  const LlamaGenFolder folder(options);
  auto one = folder.task("one.png");
  one.classes = {"3"};
  const auto plain = generate(one);
  CHECK_FALSE(plain.contains("decoding"));
  auto jacobi = folder.task("jacobi.png", {{"decode", "jacobi"}, {"window", 6}});
  jacobi.classes = {"3"};
  const auto result = generate(jacobi);
  CHECK(pixels(one.output) == pixels(jacobi.output));
  CHECK(result["decoding"]["passes"].get<int64_t>() <= 16);
  CHECK(result["settings"]["decode"] == "jacobi");
  CHECK(result["settings"]["window"] == 6);
}

TEST_CASE("a drafter is asked for, and must fit") {
  const LlamaGenFolder folder;
  auto task = folder.task("out", {{"decode", "speculative"}});
  CHECK_THROWS_WITH(generate(task), ContainsSubstring("--drafter: needed for --decode speculative"));
  task.source.drafter = folder.temp / "small";
  CHECK(generate(task)["decoding"]["drafter_passes"].get<int64_t>() > 0);
  task.source.drafter = folder.temp / "eagle";
  CHECK_THROWS_WITH(generate(task),
                    ContainsSubstring("an eagle, expected a llamagen for --decode speculative"));
  task.sampling = Json::object();
  CHECK_THROWS_WITH(generate(task), ContainsSubstring("means nothing to a llamagen without --decode"));
  auto others = test::tiny_llamagen_options();
  others.num_classes = 9;
  const TinyLlamaGen foreign(others);
  write_model_folder(folder.temp / "foreign", to_json(others), "llamagen", foreign.model, {}, {});
  task.sampling = {{"decode", "speculative"}};
  task.source.drafter = folder.temp / "foreign";
  CHECK_THROWS_WITH(generate(task), ContainsSubstring("another model's drafter"));
}

TEST_CASE("relaxed acceptance says that it is lossy") {
  const LlamaGenFolder folder;
  auto task = folder.task("out", {{"decode", "eagle"}, {"tree_top_k", 3}, {"tree_nodes", 9}});
  task.source.drafter = folder.temp / "eagle";
  const auto lossless = generate(task);
  CHECK_FALSE(lossless["settings"].contains("relax"));
  task.output = folder.temp / "near";
  task.sampling["relax"] = 0.4;
  task.sampling["relax_codes"] = 5;
  const auto lossy = generate(task);
  CHECK(lossy["settings"]["relax"]["lossy"] == true);
  CHECK(lossy["settings"]["relax"]["delta"] == 0.4);
  task.sampling = {{"decode", "jacobi"}, {"relax", 0.4}};
  task.source.drafter.reset();
  CHECK_THROWS_WITH(generate(task), ContainsSubstring("--relax: means nothing without --decode eagle"));
}

TEST_CASE("a LlamaGen without a folder finds its tokenizer beside it") {
  const LlamaGenFolder folder;
  const auto published = folder.temp / "published";
  fs::create_directories(published);
  auto options = test::tiny_llamagen_options();
  options.dim = 128;
  const TinyLlamaGen tiny(options);
  runtime::write_safetensors(published / "c2i_tiny_64.pt", runtime::state_dict(tiny.model).entries());
  auto task = folder.task("out.png");
  task.classes = {"2"};
  task.source.model = published / "c2i_tiny_64.pt";
  CHECK_THROWS_WITH(generate(task),
                    ContainsSubstring("--vae: needed, there is no vq_ds*.pt beside the model"));
  runtime::write_safetensors(published / "vq_ds2_c2i.pt", runtime::state_dict(tiny.vae).entries());
  generate(task);
  task.source.model = published;
  generate(task);
}

TEST_CASE("a LlamaGen of captions takes their features, and a model of classes does not") {
  const auto options = test::tiny_captioned_options();
  const LlamaGenFolder folder(options), classes;
  const auto file = folder.temp / "captions.npy";
  {
    std::ofstream out(file, std::ios::binary);
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 6), }";
    header.resize(117, ' ');
    header += '\n';
    out << std::string("\x93NUMPY\x01\x00", 8) << char(header.size() % 256) << char(header.size() / 256)
        << header;
    const auto features = at::randn({2, 3, 6});
    out.write(static_cast<const char*>(features.const_data_ptr()),
              static_cast<std::streamsize>(features.nbytes()));
  }
  auto task = folder.task("out");
  CHECK_THROWS_WITH(generate(task), ContainsSubstring("--captions: needed"));
  task.source.captions = file;
  task.classes = {"all"};
  CHECK(generate(task)["pictures"] == 2);
  task.classes = {"none"};
  task.output = folder.temp / "none.png";
  CHECK(generate(task)["pictures"] == 1);
  auto other = classes.task("out");
  other.source.captions = file;
  CHECK_THROWS_WITH(generate(other),
                    ContainsSubstring("--captions: means nothing to a model that generates from classes"));
}
