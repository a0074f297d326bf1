#include "io/pickle_machine.h"

#include "core/error.h"
#include "support/processor_time.h"
#include "support/test.h"

using namespace arzoo;
using namespace std::string_literals;

namespace {

/// A pickle of protocol 2 with these opcodes.
std::string pickled(const std::string& opcodes) { return "\x80\x02"s + opcodes + "."; }

std::string text(const std::string& value) { return "\x8c"s + static_cast<char>(value.size()) + value; }

io::Pickle read(const std::string& bytes) { return io::read_pickle(bytes, "x.pth"); }

/// The opcodes that leave a storage of `elements` floats on the stack.
std::string storage(char elements) {
  return "(" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") + "K"s + elements + "tQ";
}

/// … and those that rebuild a tensor from it with the opcodes for offset, shape and strides.
std::string tensor(const std::string& view) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage(6) + view + "\x89}tR";
}

TEST_CASE("scalars come out as Python wrote them") {
  const auto [opcodes, value] = GENERATE(table<std::string, std::int64_t>({
      {"K\xff"s, 255},
      {"M\x01\x02"s, 513},
      {"J\xfe\xff\xff\xff"s, -2},
      {"\x8a\x00"s, 0},
      {"\x8a\x01\x80"s, -128},
      {"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s, std::numeric_limits<std::int64_t>::max()},
  }));
  const std::string bytes = pickled(opcodes);
  const auto pickle = read(bytes);
  REQUIRE(pickle.get_if<std::int64_t>(pickle.root) != nullptr);
  CHECK(*pickle.get_if<std::int64_t>(pickle.root) == value);
  CHECK(pickle.size == bytes.size());
}

TEST_CASE("an integer beyond 64 bits is kept as something without use") {
  const auto pickle = read(pickled("\x8a\x09" + std::string(9, '\x01')));
  CHECK(pickle.get_if<io::PickleInert>(pickle.root) != nullptr);
}

TEST_CASE("floats, booleans, none, text and bytes are told apart") {
  const std::string bytes =
      pickled("(G\x3f\xf8\x00\x00\x00\x00\x00\x00\x88\x89N"s + text("é") + "C\x02\xff\x00t"s);
  const auto pickle = read(bytes);
  const auto& items = pickle.get_if<io::PickleSequence>(pickle.root)->items;
  REQUIRE(items.size() == 6);
  CHECK(*pickle.get_if<double>(items[0]) == 1.5);
  CHECK(*pickle.get_if<bool>(items[1]));
  CHECK_FALSE(*pickle.get_if<bool>(items[2]));
  CHECK(pickle.get_if<io::PickleNone>(items[3]) != nullptr);
  CHECK(pickle.get_if<io::PickleText>(items[4])->text == "é");
  CHECK(pickle.get_if<io::PickleBytes>(items[5])->bytes == "\xff\0"s);
}

TEST_CASE("dicts keep their order and shared values stay shared") {
  // {"a": shared, "b": shared} with shared = [] put into memo 1
  const std::string bytes = pickled("}(" + text("a") + "]q\x01" + text("b") + "h\x01u");
  const auto pickle = read(bytes);
  const auto* dict = pickle.get_if<io::PickleDict>(pickle.root);
  REQUIRE(dict != nullptr);
  REQUIRE(dict->items.size() == 2);
  CHECK(pickle.get_if<io::PickleText>(dict->items[0].first)->text == "a");
  CHECK(dict->items[0].second == dict->items[1].second);
}

TEST_CASE("a tensor is described, not made") {
  const std::string bytes = pickled(tensor("K\x01K\x02K\x02\x86K\x03K\x01\x86"));
  const auto pickle = read(bytes);
  const auto* tensor = pickle.get_if<std::unique_ptr<const io::PickleTensor>>(pickle.root);
  REQUIRE(tensor != nullptr);
  CHECK((*tensor)->dtype == io::DType::f32);
  CHECK((*tensor)->offset == 1);
  CHECK((*tensor)->shape == std::vector<std::int64_t>{2, 2});
  CHECK((*tensor)->strides == std::vector<std::int64_t>{3, 1});
  const auto* storage = pickle.get_if<io::PickleStorage>((*tensor)->storage);
  CHECK(storage->key == "0");
  CHECK(storage->elements == 6);
}

TEST_CASE("a Namespace becomes its attributes") {
  const std::string bytes = pickled("cargparse\nNamespace\n)\x81}" + text("lr") + "K\x03sb");
  const auto pickle = read(bytes);
  const auto* attributes = pickle.get_if<io::PickleDict>(pickle.root);
  REQUIRE(attributes != nullptr);
  REQUIRE(attributes->items.size() == 1);
  CHECK(pickle.get_if<io::PickleText>(attributes->items[0].first)->text == "lr");
}

TEST_CASE("a name outside the list is refused whatever would be done with it") {
  const auto [opcodes, name] = GENERATE(table<std::string, std::string>({
      {"cos\nsystem\n" + text("id") + "\x85R", "\"os.system\""},
      {text("builtins") + text("eval") + "\x93" + text("1") + "\x85R", "\"builtins.eval\""},
      {text("torch") + text("serialization.os.system") + "\x93", "\"torch.serialization.os.system\""},
      {"cos\nsys\x1btem\n", "\"os.sys\\x1btem\""},
      {"csubprocess\nPopen\n" + text("id") + "\x85R", "\"subprocess.Popen\""},
      {"cmine.os\nanything\n", "\"mine.os.anything\""},
      {text("builtins") + text("__import__") + "\x93", "\"builtins.__import__\""},
      {"cimportlib\nimport_module\n", "\"importlib.import_module\""},
      {"ctorch\nload\n", "\"torch.load\""},
      {"ctypes\nFunctionType\n", "\"types.FunctionType\""},
  }));
  const std::string bytes = pickled(opcodes);
  CHECK_THROWS_AS(read(bytes), CheckpointError);
  CHECK_THROWS_WITH(read(bytes), ContainsSubstring("refuses to import or call " + name));
}

TEST_CASE("an object of a class that is not known stays opaque, whatever the file does with it") {
  const auto opcodes = GENERATE(
      as<std::string>(), "comegaconf.dictconfig\nDictConfig\n", "comegaconf.dictconfig\nDictConfig\n)R",
      "comegaconf.dictconfig\nDictConfig\n)\x81}b", "comegaconf.dictconfig\nDictConfig\n)}\x92",
      "comegaconf.dictconfig\nDictConfig\n)RK\x01K\x02s", "comegaconf.dictconfig\nDictConfig\n)R(K\x01K\x02u",
      "comegaconf.dictconfig\nDictConfig\n)RK\x01"
      "a",
      "comegaconf.dictconfig\nDictConfig\n)R(K\x01"
      "e",
      "comegaconf.dictconfig\nDictConfig\n)R)R");
  const std::string bytes = pickled(opcodes);
  const auto pickle = read(bytes);
  const auto* opaque = pickle.get_if<io::PickleOpaque>(pickle.root);
  REQUIRE(opaque != nullptr);
  CHECK(opaque->shown() == "\"omegaconf.dictconfig.DictConfig\"");
}

TEST_CASE("dates, paths, sets, members of classes and plain namespaces are opaque as well") {
  const auto name = GENERATE(as<std::string>(), "datetime\ndatetime", "pathlib\nPosixPath",
                             "__builtin__\nset", "builtins\ngetattr", "types\nSimpleNamespace",
                             "numpy.random._pickle\n__randomstate_ctor", "collections\ndefaultdict");
  const std::string bytes = pickled("c" + name + "\n" + text("x") + "\x85R");
  CHECK_NOTHROW(read(bytes));
}

TEST_CASE("a tensor that depends on a class that is not known is refused") {
  const std::string foreign = "cquantised\nInt4Tensor\n";
  const std::string view = "K\x00K\x06\x85K\x01\x85"s, made = foreign + ")R";
  const auto [opcodes, what] = GENERATE_COPY(table<std::string, std::string>({
      {foreign + tensor(view) + "\x85R", "computes with a tensor"},
      {foreign + storage(6) + "\x85R", "computes with a tensor"},
      {foreign + storage(6) + "\x85\x85\x85R", "computes with a tensor"},
      {foreign + "}" + text("data") + tensor(view) + "s\x85R", "computes with a tensor"},
      {foreign + ")}" + text("data") + tensor(view) + "s\x92", "computes with a tensor"},
      {foreign + tensor(view) + "\x85\x81", "computes with a tensor"},
      {"ctorch._utils\n_rebuild_tensor_v2\n(" + made + view + "\x89}tR", "expected a tensor's storage"},
      {"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(6) + made + "K\x06\x85K\x01\x85\x89}tR",
       "expected a tensor's offset"},
      {"ctorch._utils\n_rebuild_parameter\n" + made + "\x85R", "expected a tensor as parameter"},
      {"(" + text("storage") + foreign + text("0") + text("cpu") + "K\x06tQ", "expected a storage's type"},
  }));
  const std::string bytes = pickled(opcodes);
  CHECK_THROWS_AS(read(bytes), CheckpointError);
  CHECK_THROWS_WITH(read(bytes), ContainsSubstring("refuses to import or call \"quantised.Int4Tensor\"") &&
                                     ContainsSubstring(what));
}

TEST_CASE("calls that share their arguments cannot cost more than the file") {
  // A list of 3,000 numbers that 3,000 calls are searched for tensors in.
  std::string opcodes = "((";
  for (int i = 0; i < 3000; ++i) opcodes += "N";
  opcodes += "tq\x01";
  for (int i = 0; i < 3000; ++i) opcodes += "cmine\nf\nh\x01\x85R";
  CHECK_THROWS_WITH(read(pickled(opcodes + "t")), ContainsSubstring("repeats itself beyond its own size"));
}

TEST_CASE("what is not a function is not called") {
  CHECK_THROWS_WITH(read(pickled("ctorch\nFloatStorage\nK\x05\x85R")),
                    ContainsSubstring("refuses to call \"torch.FloatStorage\""));
  CHECK_THROWS_WITH(read(pickled(text("os.system") + text("id") + "\x85R")),
                    ContainsSubstring("expected a name to call"));
}

TEST_CASE("a broken pickle is refused with the byte") {
  const auto [bytes, message] = GENERATE(table<std::string, std::string>({
      {"", "ends inside a pickle"},
      {"x", "not a pickle"},
      {"\x80\x01.", "pickle protocol 1, expected 2 to 5"},
      {"\x80\x02", "ends inside a pickle"},
      {pickled(""), "empty stack"},
      {pickled("(0."), "empty stack"},
      {pickled("N(s"), "empty stack"},
      {pickled("t"), "no mark"},
      {pickled("h\x07"), "recalls 7"},
      {pickled("}Ns"), "empty stack"},
      {pickled("}(Nu"), "a key without a value"},
      {pickled("NNNs"), "expected a dict"},
      {pickled("NNa"), "expected a list"},
      {pickled("X\xff\xff\xff\xff"), "ends inside a string"},
      {pickled("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), "ends inside a string"},
      {pickled("X\x01"s + "\0\0\0\xff"s), "not UTF-8"},
      {pickled("(ios\nsystem\n"), "opcode 0x69"},
      {pickled("(cos\n"), "ends inside a name"},
      {pickled("NQ"), "expected a storage's description"},
      {pickled("(" + text("module") + "NNNNtQ"), "not a storage"},
      {pickled(tensor("J\xff\xff\xff\xff))")), "offset is -1"},
      {pickled(tensor("K\x00K\x02\x85)"s)), "0 strides for the shape [2]"},
      {pickled(tensor("K\x00N)"s)), "expected a tensor's shape"},
  }));
  CHECK_THROWS_AS(read(bytes), CheckpointError);
  CHECK_THROWS_WITH(read(bytes), ContainsSubstring(message));
}

TEST_CASE("values that contain themselves are harmless") {
  const std::string bytes = pickled("]q\x01h\x01"s + "a");
  const auto pickle = read(bytes);
  CHECK(pickle.get_if<io::PickleSequence>(pickle.root)->items == std::vector<io::PickleRef>{pickle.root});
  CHECK_NOTHROW(read(pickled("cargparse\nNamespace\n)\x81q\x01h\x01"s + "b")));
}

TEST_CASE("copies through the memo cannot outgrow the file") {
  // A list of 3,000 pairs, and an OrderedDict made of it 3,000 times: 9,000,000 items from some 20,000 bytes.
  std::string opcodes = "(](NN\x86q\x02";
  for (int i = 0; i < 3000; ++i) opcodes += "h\x02";
  opcodes += "eq\x01";
  for (int i = 0; i < 3000; ++i) opcodes += "ccollections\nOrderedDict\nh\x01\x85R";
  const std::string bytes = pickled("(" + opcodes + "t");
  CHECK_THROWS_WITH(read(bytes), ContainsSubstring("repeats itself beyond its own size"));
}

TEST_CASE("a million marks and lists are read in no time") {
  const std::string bytes = pickled(std::string(500000, '(') + std::string(500000, ']'));
  const auto begin = test::processor_seconds();
  CHECK_NOTHROW(read(bytes));
  CHECK(test::processor_seconds() - begin < 2);
}

}  // namespace
