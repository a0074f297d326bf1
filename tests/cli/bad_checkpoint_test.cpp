#include "cli/refusal.h"
#include "core/bytes.h"
#include "support/pickles.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

struct BadWeights {
  std::string what, bytes, message;
};

std::string little(std::uint64_t length) {
  std::string bytes;
  append_little(bytes, length);
  return bytes;
}

/// The bytes with one bit flipped.
std::string flipped(std::string bytes, std::size_t byte, int bit) {
  bytes.at(byte) = static_cast<char>(static_cast<unsigned char>(bytes[byte]) ^ (1U << bit));
  return bytes;
}

std::string replaced(std::string bytes, const std::string& piece, const std::string& other) {
  return bytes.replace(bytes.find(piece), piece.size(), other);
}

/// A safetensors file of two tensors.
std::string two_tensors() {
  const std::string header =
      R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[2],"data_offsets":[16,18]}})";
  return little(header.size()) + header + std::string(18, '\x01');
}

std::vector<BadWeights> bad_safetensors() {
  constexpr std::size_t kLength = 8;
  const auto right = two_tensors();
  const auto header = right.substr(kLength);
  return {
      {"empty", "",
       "ends inside the header's length: 0 bytes at byte 0, expected 8 (is the file truncated?)"},
      {"cut in the length", right.substr(0, 5),
       "ends inside the header's length: 5 bytes at byte 0, expected 8…"},
      {"cut in the header", right.substr(0, 50), "ends inside the header: 42 bytes at byte 8, expected 109…"},
      {"cut in the data", right.substr(0, right.size() - 3),
       "holds 15 bytes of tensors, the header promises 18 (is the file truncated?)"},
      {"bytes behind the end", right + "xyz",
       "holds 21 bytes of tensors, the header promises 18 (trailing bytes)"},
      {"length: lowest bit", flipped(right, 0, 0),
       "header is not valid JSON at its byte 109 (is the file damaged?)"},
      {"length: bit 26", flipped(right, 3, 2),
       "ends inside the header: 127 bytes at byte 8, expected 67108973…"},
      {"length: highest bit", flipped(right, 7, 7),
       "not a safetensors file: header of 9223372036854775917 bytes, expected at most 100000000"},
      {"length: just too large", little(100'000'001) + header,
       "not a safetensors file: header of 100000001 bytes, expected at most 100000000"},
      {"first byte of the header", flipped(right, kLength, 2),
       "not a safetensors file: the header does not begin with \"{\""},
      {"a comma of the header", flipped(right, right.find(','), 1), "header is not valid JSON at its byte…"},
      {"a key", flipped(right, right.find("shape"), 1),
       "header: \"a\": unknown key \"qhape\", expected dtype, shape and data_offsets"},
      {"a dtype", replaced(right, "F32", "G32"), "header: \"a\": unknown dtype \"G32\""},
      {"a dimension", replaced(right, "[4]", "[5]"),
       "header: \"a\": data_offsets [0, 16] do not span the 20 bytes of F32 [5]"},
      {"an overlap", replaced(right, "[16,18]", "[15,17]"),
       "header: \"b\": data_offsets begin at 15, expected 16 (an overlap)"},
  };
}

std::vector<BadWeights> hostile_pickles() {
  const auto call = pickled_call("touch pwned");
  const auto refused = [](int byte, const std::string& name) {
    return "pickle, byte " + std::to_string(byte) + ": refuses to import or call \"" + name +
           "\", expected tensors and plain containers only (save the state dict alone)";
  };
  const std::string in_dict = "}" + pickled_item("w", call);
  const std::string legacy = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
  return {
      {"zip", zip({{"x/data.pkl", "\x80\x02" + call + "."}}), refused(16, "posix.system")},
      {"zip, deep in a dict", pickled_checkpoint(in_dict), refused(20, "posix.system")},
      {"before 1.6", legacy + "\x80\x02}.\x80\x02" + call + ".", refused(16, "posix.system")},
      {"bare, protocol 2", "\x80\x02" + call + ".", refused(16, "posix.system")},
      {"bare, protocol 4",
       "\x80\x04" + pickled_text("posix") + pickled_text("system") + "\x93" + pickled_text("touch pwned") +
           "\x85R.",
       refused(18, "posix.system")},
      {"bare, protocol 0", "cposix\nsystem\n(S'touch pwned'\ntR.",
       "a bare pickle that imports \"posix.system\", expected a safetensors file or one of torch.save"},
      {"a builtin", pickled_checkpoint("c__builtin__\neval\n" + pickled_text("1") + "\x85R"),
       refused(20, "__builtin__.eval")},
      {"through a bare REDUCE", pickled_checkpoint("}" + pickled_text("x") + "\x85R"), "…"},
  };
}

}  // namespace

TEST_CASE("a damaged safetensors file is refused with what is wrong") {
  const Program arzoo(Library::built);
  for (const auto& bad : bad_safetensors()) {
    CAPTURE(bad.what);
    arzoo.write("bad.safetensors", bad.bytes);
    check_refused(arzoo, {"inspect", "bad.safetensors"}, 3, "bad.safetensors: " + bad.message);
  }
}

TEST_CASE("a damaged checkpoint is neither converted nor forecast with") {
  const TrainedProgram arzoo;
  const auto weights = arzoo.files() / "run/model/model.safetensors";
  const auto right = read_file(weights);
  arzoo.write("out.csv", "an older forecast\n");
  arzoo.write("out.safetensors", "older weights");
  const auto check_both = [&](const std::string& bytes, const std::string& message) {
    std::ofstream(weights, std::ios::binary) << bytes;
    const auto told = "run/model/model.safetensors: " + message;
    check_refused(arzoo, {"forecast", "--model", "run", "--input", "series.csv", "--output", "out.csv"}, 3,
                  told);
    check_refused(arzoo, {"convert", "run/model", "out.safetensors"}, 3, told);
  };
  check_both(right.substr(0, right.size() / 2), "holds …");
  check_both(flipped(right, 7, 7), "not a safetensors file: header of …");
}

TEST_CASE("a pickle that would call something is refused by name, and nothing is called") {
  const Program arzoo(Library::built);
  arzoo.write("out.safetensors", "older weights");
  for (const auto& bad : hostile_pickles()) {
    CAPTURE(bad.what);
    arzoo.write("bad.pth", bad.bytes);
    check_refused(arzoo, {"convert", "bad.pth", "out.safetensors"}, 3, "bad.pth: " + bad.message);
    CHECK_FALSE(fs::exists(arzoo.files() / "pwned"));
  }
}

TEST_CASE("a hostile pickle is neither listed nor taken for a model's weights") {
  const TrainedProgram arzoo;
  arzoo.write("bad.pth", hostile_pickles().front().bytes);
  check_refused(arzoo, {"inspect", "bad.pth"}, 3, "bad.pth: pickle, byte 16: refuses to import or call…");
  check_refused(arzoo,
                {"forecast", "--model", "bad.pth", "--config", "run/model/config.json", "--input",
                 "series.csv", "--output", "out.csv"},
                3, "bad.pth: pickle, byte 16: refuses to import or call \"posix.system\"…");
  CHECK_FALSE(fs::exists(arzoo.files() / "pwned"));
}

TEST_CASE("of a file with several state dicts one is chosen, or the error lists them") {
  const Program arzoo(Library::built);
  const auto one = [](const std::string& name) { return "}" + pickled_item(name, pickled_tensor()); };
  arzoo.write("two.pth", pickled_checkpoint("}" + pickled_item("model", one("weight")) +
                                            pickled_item("other", one("average"))));
  const std::string several =
      "two.pth: holds several state dicts, expected one to be chosen with --state-dict: \"model\", \"other\"";
  check_refused(arzoo, {"convert", "two.pth", "out.safetensors"}, 3, several);
  check_refused(arzoo, {"convert", "two.pth", "out.safetensors", "--dry-run"}, 3, several);
  check_refused(arzoo, {"convert", "two.pth", "out.safetensors", "--state-dict", "emma"}, 3,
                "two.pth: no state dict \"emma\", expected one of: \"model\", \"other\" (--state-dict)");
  const auto all = arzoo({"inspect", "two.pth", "--json"}).json();
  CHECK(all["state_dicts"] == nlohmann::json({"model", "other"}));
  CHECK(all["tensors"].size() == 2);
  CHECK_THAT(arzoo({"inspect", "two.pth"}).out, ContainsSubstring("state dicts  \"model\", \"other\"\n"));
  const auto other = arzoo({"inspect", "two.pth", "--state-dict", "other", "--json"}).json();
  CHECK(other["tensors"].size() == 1);
  CHECK(other["tensors"][0]["name"] == "average");
  CHECK(arzoo({"convert", "two.pth", "out.safetensors", "--state-dict", "other"}).code == 0);
  CHECK(arzoo({"inspect", "out.safetensors", "--json"}).json()["tensors"][0]["name"] == "average");
}
