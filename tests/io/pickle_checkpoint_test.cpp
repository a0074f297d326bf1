#include "io/pickle_checkpoint.h"

#include <fmt/ranges.h>

#include "core/error.h"
#include "support/pickles.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

std::string checkpoint_bytes(const std::string& name) {
  return test::read_file(test::source_dir() / "tests/fixtures/checkpoints" / name);
}

io::PickleCheckpoint parse_checkpoint(const std::string& bytes) {
  return io::parse_pickle_checkpoint(bytes, "x.pth");
}

std::vector<std::string> names(const std::vector<io::StoredTensor>& tensors) {
  std::vector<std::string> names;
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  return names;
}

TEST_CASE("both formats of torch.save give the same tensors") {
  const auto zipped = checkpoint_bytes("zip.pth"), legacy = checkpoint_bytes("legacy.pth");
  const auto a = parse_checkpoint(zipped), b = parse_checkpoint(legacy);
  CHECK_FALSE(a.is_legacy);
  CHECK(b.is_legacy);
  CHECK(names(a.tensors) == std::vector<std::string>{"weight", "transposed", "slice", "every_other", "half",
                                                     "bfloat", "double", "step", "mask", "complex", "empty",
                                                     "expanded", "parameter", "bytes"});
  REQUIRE(names(a.tensors) == names(b.tensors));
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    CAPTURE(a.tensors[i].name);
    CHECK(a.tensors[i].dtype == b.tensors[i].dtype);
    CHECK(a.tensors[i].shape == b.tensors[i].shape);
    CHECK(a.tensors[i].strides == b.tensors[i].strides);
    const auto item = io::item_size(a.tensors[i].dtype);
    if (a.tensors[i].bytes > 0)
      CHECK(zipped.substr(a.tensors[i].offset, item) == legacy.substr(b.tensors[i].offset, item));
  }
}

TEST_CASE("offsets and strides of views are kept") {
  const auto bytes = checkpoint_bytes("zip.pth");
  const auto tensors = parse_checkpoint(bytes).tensors;
  CHECK(tensors[0].strides.empty());
  CHECK(tensors[1].strides == std::vector<std::int64_t>{1, 6});
  CHECK(tensors[2].offset == tensors[0].offset + 5 * 4);
  CHECK(tensors[3].strides == std::vector<std::int64_t>{2});
  CHECK(tensors[11].strides == std::vector<std::int64_t>{0});
  CHECK(bytes.substr(tensors[0].offset + 4, 4) == "\x00\x00\x80\x3f"s);  // 1.0f
}

TEST_CASE("dtypes without a storage class of their own are read") {
  const auto tensors = parse_checkpoint(checkpoint_bytes("protocol5.pth")).tensors;
  REQUIRE(tensors.size() == 3);
  CHECK(tensors[1].dtype == io::DType::u16);
  CHECK(tensors[2].dtype == io::DType::f8_e4m3);
}

TEST_CASE("tensors deep in a trainer's checkpoint are named by their path") {
  const auto parsed = parse_checkpoint(checkpoint_bytes("trainer.pt"));
  CHECK(names(parsed.tensors) == std::vector<std::string>{"trainer.net.module.weight",
                                                          "trainer.net.module.bias", "trainer.ema.weight",
                                                          "trainer.optimizer.state.0.exp_avg"});
  CHECK(parsed.state_dicts == std::vector<std::string>{"trainer.net", "trainer.ema"});
}

TEST_CASE("a state dict is chosen by its path and loses the prefix of its wrapper") {
  const auto parsed = parse_checkpoint(checkpoint_bytes("trainer.pt"));
  CHECK(names(io::select_state_dict(parsed, "trainer.net", "x.pth")) ==
        std::vector<std::string>{"weight", "bias"});
  CHECK(names(io::select_state_dict(parsed, "trainer.ema", "x.pth")) == std::vector<std::string>{"weight"});
  CHECK_THROWS_WITH(io::select_state_dict(parsed, "", "x.pth"),
                    "x.pth: holds several state dicts, expected one to be chosen with --state-dict: "
                    "\"trainer.net\", \"trainer.ema\"");
  CHECK_THROWS_WITH(io::select_state_dict(parsed, "net", "x.pth"),
                    ContainsSubstring("no state dict \"net\", expected one of"));
}

std::string inner(const std::string& key) { return "}" + pickled_item(key, pickled_tensor()); }

TEST_CASE("without a path the only state dict is taken, with all that lies in it") {
  const auto [opcodes, expected] = GENERATE(table<std::string, std::string>({
      {"}" + pickled_item("w", pickled_tensor()) + pickled_item("model", inner("v")), "w,model.v"},
      {"}" +
           pickled_item("model", "}" + pickled_item("ema", inner("e")) + pickled_item("w", pickled_tensor())),
       "ema.e,w"},
      {"}" + pickled_item("model", "}" + pickled_item("a", inner("v")) + pickled_item("b", inner("w"))),
       "a.v,b.w"},
      {"}" + pickled_item("ema", inner("e")), "e"},
      {"}" + pickled_item("module", inner("w")), "w"},
  }));
  const auto bytes = pickled_checkpoint(opcodes);
  CHECK(fmt::format("{}", fmt::join(names(io::select_state_dict(parse_checkpoint(bytes), "", "x.pth")),
                                    ",")) == expected);
}

TEST_CASE("of several state dicts none is guessed") {
  const auto [opcodes, listed] = GENERATE(table<std::string, std::string>({
      {"}" + pickled_item("first", inner("e")) + pickled_item("second", inner("m")), "\"first\", \"second\""},
      {"}" + pickled_item("model", inner("m")) + pickled_item("model.ema", inner("e")) +
           pickled_item("state_dict", inner("s")),
       "\"model\", \"state_dict\""},
      {"}" + pickled_item("parts", "}" + pickled_item("a", inner("v")) + pickled_item("b", inner("w"))),
       "\"parts.a\", \"parts.b\""},
  }));
  const auto bytes = pickled_checkpoint(opcodes);
  CHECK_THROWS_WITH(io::select_state_dict(parse_checkpoint(bytes), "", "x.pth"),
                    Catch::EndsWith("expected one to be chosen with --state-dict: " + listed));
}

TEST_CASE("of a Lightning checkpoint state_dict is taken, its callbacks are not, and objects are listed") {
  const auto parsed = parse_checkpoint(checkpoint_bytes("forms/kl_lightning.ckpt"));
  CHECK(parsed.is_lightning);
  CHECK(io::default_state_dict(parsed, "x.ckpt") == "state_dict");
  CHECK(names(io::select_state_dict(parsed, "", "x.ckpt")) ==
        std::vector<std::string>{"encoder.conv_in.weight", "quant_conv.weight", "post_quant_conv.weight",
                                 "loss.logvar"});
  CHECK(parsed.opaque.front() == R"("callbacks.ModelCheckpoint.dirpath" ("pathlib.PurePosixPath"))");
  CHECK(fmt::format("{}", fmt::join(parsed.opaque, "\n")).find("\"omegaconf.dictconfig.DictConfig\"") !=
        std::string::npos);
}

TEST_CASE("of a known trainer's file the averaged weights are taken") {
  const auto [file, dict] = GENERATE(table<std::string, std::string>({
      {"forms/mar_trainer.pth", "model_ema"},
      {"forms/student.pth", "trainer.ema_parameters"},
  }));
  CHECK(io::default_state_dict(parse_checkpoint(checkpoint_bytes(file)), "x.pth") == dict);
}

TEST_CASE("the state of a training is no model") {
  const auto state = GENERATE(as<std::string>(), "callbacks", "optimizer", "loops", "hyper_parameters");
  const auto bytes =
      pickled_checkpoint("}" + pickled_item(state, inner("t")) + pickled_item("net", inner("w")));
  CHECK(io::default_state_dict(parse_checkpoint(bytes), "x.pth") == "net");
  const auto alone = pickled_checkpoint("}" + pickled_item(state, inner("t")));
  CHECK(io::default_state_dict(parse_checkpoint(alone), "x.pth") == state);
}

TEST_CASE("what wraps a model leaves its names") {
  const auto [written, plain] = GENERATE(table<std::string, std::string>({
      {"_orig_mod.head.weight", "head.weight"},
      {"module._orig_mod.head.weight", "head.weight"},
      {"_orig_mod.module.head.weight", "head.weight"},
      {"encoder._orig_mod.layer._orig_mod.w", "encoder.layer.w"},
      {"my_orig_mod.w", "my_orig_mod.w"},
      {"head.module.w", "head.module.w"},
  }));
  const auto bytes = pickled_checkpoint("}" + pickled_item(written, pickled_tensor()));
  CHECK(names(io::select_state_dict(parse_checkpoint(bytes), "", "x.pth")) ==
        std::vector<std::string>{plain});
}

TEST_CASE("a whole model that was pickled is refused by its class") {
  const std::string model = "c__main__\nNet\n)\x81}" + pickled_item("w", pickled_tensor()) + "b";
  CHECK_THROWS_WITH(
      parse_checkpoint(pickled_checkpoint(model)),
      "x.pth: is an object of \"__main__.Net\", which is never made, expected a dict of tensors "
      "(save its state_dict())");
  const auto inside = pickled_checkpoint("}" + pickled_item("model", model));
  CHECK_THROWS_WITH(io::default_state_dict(parse_checkpoint(inside), "x.pth"),
                    Catch::EndsWith("(objects that are never made: \"model\" (\"__main__.Net\"))"));
  CHECK_THROWS_WITH(parse_checkpoint(checkpoint_bytes("forms/subclass.pth")),
                    ContainsSubstring("refuses to import or call \"torch._tensor._rebuild_from_type_v2\""));
}

TEST_CASE("a view that leaves its storage is refused with its name") {
  const auto [view, storage_bytes, message] = GENERATE(table<std::string, std::size_t, std::string>({
      {"K\x01K\x06\x85K\x01\x85", 24, "leaves its storage of 6 elements"},
      {"K\x00K\x07\x85K\x01\x85"s, 28, "has 28 bytes, expected 6 elements of F32"},
      {"K\x00K\x03\x85K\x03\x85"s, 24, "leaves its storage"},
      {"K\x07K\x00\x85K\x01\x85"s, 24, "leaves its storage"},
      {"K\x00K\x02\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"s, 24, "leaves its storage"},
      {"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x01\x85K\x01\x85"s, 24, "leaves its storage"},
      {"K\x00J\xff\xff\xff\x7f\x85K\x00\x85"s, 24, "is larger than the file"},
      {"K\x00K\x06\x85K\x01\x85"s, 20, "has 20 bytes, expected 6 elements"},
  }));
  const auto bytes = pickled_checkpoint("}" + pickled_text("w") + pickled_tensor(view) + "s", storage_bytes);
  CHECK_THROWS_AS(parse_checkpoint(bytes), CheckpointError);
  CHECK_THROWS_WITH(parse_checkpoint(bytes),
                    Catch::StartsWith("x.pth: \"w\": ") && ContainsSubstring(message));
}

TEST_CASE("a broken file is refused") {
  const std::string pickle = "\x80\x02}" + pickled_text("w") + pickled_tensor() + "s.";
  const auto [bytes, message] = GENERATE_COPY(table<std::string, std::string>({
      {zip({{"x/data.pkl", pickle}}), "its storage \"0\" is missing"},
      {zip({{"x/other", ""}}), "zip archive without \"x/data.pkl\""},
      {zip({{"x/data.pkl", pickle}, {"x/byteorder", "big"}}), "byte order \"big\", expected little"},
      {zip({{"x/data.pkl", pickle}, {"x/data.pkl", pickle}}), "stands twice"},
      {zip({{"x/data.pkl", pickle}}, 8), "is compressed or encrypted"},
      {zip({}), "empty zip archive"},
      {pickled_checkpoint("}(" + pickled_text("w") + pickled_tensor() + pickled_text("w") + pickled_tensor() +
                          "u"),
       "\"w\" stands twice"},
      {pickled_checkpoint(pickled_tensor()), "a tensor without a name"},
      {checkpoint_bytes("zip.pth").substr(0, 3000), "is the file truncated?"},
      {checkpoint_bytes("legacy.pth").substr(0, 1900), "is the file truncated?"},
  }));
  CHECK_THROWS_AS(parse_checkpoint(bytes), CheckpointError);
  CHECK_THROWS_WITH(parse_checkpoint(bytes), ContainsSubstring(message));
}

TEST_CASE("a file without a dict of tensors says so") {
  const auto bytes = pickled_checkpoint("](" + pickled_tensor() + "e");
  CHECK_THROWS_WITH(io::select_state_dict(parse_checkpoint(bytes), "", "x.pth"),
                    ContainsSubstring("holds no dict of tensors"));
}

TEST_CASE("containers that contain themselves or each other many times come to an end") {
  const std::string itself = pickled_checkpoint("]q\x01h\x01"s + "a");
  CHECK_THROWS_WITH(parse_checkpoint(itself), ContainsSubstring("nested deeper than 64"));
  // Fifty lists of twice the one before: 2^50 paths.
  std::string opcodes = "]q\x01";
  for (int i = 0; i < 50; ++i)
    opcodes +=
        "](h\x01h\x01"
        "eq\x01";
  CHECK_THROWS_WITH(parse_checkpoint(pickled_checkpoint(opcodes)),
                    ContainsSubstring("repeats or contains itself"));
}

TEST_CASE("the beginning of a file tells whether torch.save wrote it") {
  CHECK(io::is_pickle_checkpoint(checkpoint_bytes("zip.pth")));
  CHECK(io::is_pickle_checkpoint(checkpoint_bytes("legacy.pth")));
  CHECK_FALSE(io::is_pickle_checkpoint(checkpoint_bytes("small.safetensors")));
  CHECK_FALSE(io::is_pickle_checkpoint(""));
}

}  // namespace
