#include "io/pickle_machine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <unordered_map>

#include "core/bytes.h"
#include "core/error.h"
#include "core/utf8.h"
#include "io/pickle_objects.h"
#include "io/pickle_opcodes.h"

namespace arzoo::io {

namespace {

class Machine {
 public:
  Machine(std::string_view bytes, std::string_view where, FileBudget& budget)
      : reader_(bytes.substr(0, kMaxPickle), where),
        objects_(reader_, std::min<std::uint64_t>(bytes.size(), kMaxPickle) + 4096, budget) {}

  Pickle run() {
    if (reader_.little<std::uint8_t>("a pickle") != kProto) objects_.wrong("not a pickle of protocol 2 to 5");
    const auto protocol = reader_.little<std::uint8_t>("a pickle");
    if (protocol < 2 || protocol > 5)
      objects_.wrong(fmt::format("pickle protocol {}, expected 2 to 5", protocol));
    for (;;) {
      const auto op = reader_.little<std::uint8_t>("a pickle");
      if (op == kStop) break;
      if (!scalar(op) && !text(op) && !container(op) && !stack_or_memo(op) && !object(op)) {
        objects_.wrong(fmt::format("opcode 0x{:02x}, which no tensor file needs", op));
      }
    }
    const auto root = pop();
    auto pickle = objects_.release();
    pickle.root = root;
    pickle.size = reader_.position();
    return pickle;
  }

 private:
  void push(PickleValue value) { stack_.push_back(objects_.make(std::move(value))); }

  /// A value that exists already.
  void push_again(PickleRef ref) {
    objects_.charge_memory(kPerMention);
    stack_.push_back(ref);
  }

  /// None, the booleans and small numbers are made once: they are one or two bytes in the file.
  void push_shared(std::optional<PickleRef>& shared, PickleValue value) {
    if (!shared) shared = objects_.make(std::move(value));
    push_again(*shared);
  }

  void push_small(std::uint8_t number) { push_shared(small_[number], std::int64_t{number}); }

  /// What stands above the last mark; the rest is out of reach until the mark is taken.
  std::size_t depth() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  PickleRef pop() {
    if (depth() == 0) objects_.wrong("takes a value from an empty stack");
    const auto top = stack_.back();
    stack_.pop_back();
    return top;
  }

  PickleRef top() const {
    if (depth() == 0) objects_.wrong("takes a value from an empty stack");
    return stack_.back();
  }

  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) objects_.wrong("no mark on the stack");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleRef> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  std::vector<PickleRef> pop_count(std::size_t count) {
    std::vector<PickleRef> items(count);
    for (auto i = count; i-- > 0;) items[i] = pop();
    return items;
  }

  bool scalar(std::uint8_t op) {
    switch (op) {
      case kNone:
        push_shared(none_, PickleNone{});
        return true;
      case kNewTrue:
        push_shared(true_, true);
        return true;
      case kNewFalse:
        push_shared(false_, false);
        return true;
      case kBinFloat:
        push(std::bit_cast<double>(reader_.big<std::uint64_t>("a number")));
        return true;
      case kBinInt:
        push(std::int64_t{reader_.little<std::int32_t>("a number")});
        return true;
      case kBinInt1:
        push_small(reader_.little<std::uint8_t>("a number"));
        return true;
      case kBinInt2:
        push(std::int64_t{reader_.little<std::uint16_t>("a number")});
        return true;
      case kLong1:
        push_long(reader_.little<std::uint8_t>("a number"));
        return true;
      case kLong4:
        push_long(reader_.little<std::uint32_t>("a number"));
        return true;
      default:
        return false;
    }
  }

  /// Two's complement, little-endian, of any length; what exceeds 64 bits is of no use to a tensor.
  void push_long(std::uint64_t length) {
    const auto digits = reader_.take(length, "a number");
    if (length > sizeof(std::int64_t)) {
      push(PickleInert{"int", {}, {}});
      return;
    }
    std::uint64_t bits = !digits.empty() && (digits.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (auto i = digits.size(); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(digits[i]);
    push(static_cast<std::int64_t>(bits));
  }

  bool text(std::uint8_t op) {
    constexpr std::string_view kWhat = "a string";
    switch (op) {
      case kShortBinUnicode:
        push_text(reader_.take(reader_.little<std::uint8_t>(kWhat), kWhat));
        return true;
      case kBinUnicode:
        push_text(reader_.take(reader_.little<std::uint32_t>(kWhat), kWhat));
        return true;
      case kBinUnicode8:
        push_text(reader_.take(reader_.little<std::uint64_t>(kWhat), kWhat));
        return true;
      case kShortBinString:
        push_python2_text(reader_.little<std::uint8_t>(kWhat));
        return true;
      case kBinString:
        push_python2_text(reader_.little<std::uint32_t>(kWhat));
        return true;
      case kShortBinBytes:
        push(PickleBytes{reader_.take(reader_.little<std::uint8_t>(kWhat), kWhat)});
        return true;
      case kBinBytes:
        push(PickleBytes{reader_.take(reader_.little<std::uint32_t>(kWhat), kWhat)});
        return true;
      case kBinBytes8:
        push(PickleBytes{reader_.take(reader_.little<std::uint64_t>(kWhat), kWhat)});
        return true;
      default:
        return false;
    }
  }

  void push_text(std::string_view text) {
    if (!is_utf8(text)) objects_.wrong("a string that is not UTF-8");
    push(PickleText{text});
  }

  /// Python 2 had one type for text and bytes.
  void push_python2_text(std::uint64_t length) {
    const auto text = reader_.take(length, "a string");
    if (is_utf8(text)) {
      push(PickleText{text});
    } else {
      push(PickleBytes{text});
    }
  }

  bool container(std::uint8_t op) {
    switch (op) {
      case kEmptyDict:
        push(PickleDict{});
        return true;
      case kEmptyList:
      case kEmptyTuple:
      case kEmptySet:
        push(PickleSequence{});
        return true;
      case kTuple1:
        push(PickleSequence{pop_count(1)});
        return true;
      case kTuple2:
        push(PickleSequence{pop_count(2)});
        return true;
      case kTuple3:
        push(PickleSequence{pop_count(3)});
        return true;
      case kTuple:
      case kList:
      case kFrozenSet:
        push(PickleSequence{pop_to_mark()});
        return true;
      case kDict: {
        const auto items = pop_to_mark();
        push(PickleDict{});
        set_items(items);
        return true;
      }
      case kSetItem:
        set_items(pop_count(2));
        return true;
      case kSetItems:
        set_items(pop_to_mark());
        return true;
      case kAppend:
        append(pop_count(1));
        return true;
      case kAppends:
      case kAddItems:
        append(pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  void set_items(const std::vector<PickleRef>& items) {
    if (objects_.is_opaque(top())) return;
    auto& dict = objects_.expect<PickleDict>(top(), "a dict to put items into");
    if (items.size() % 2 != 0) objects_.wrong("a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
  }

  void append(const std::vector<PickleRef>& items) {
    if (objects_.is_opaque(top())) return;
    auto& list = objects_.expect<PickleSequence>(top(), "a list to append to").items;
    list.insert(list.end(), items.begin(), items.end());
  }

  bool stack_or_memo(std::uint8_t op) {
    switch (op) {
      case kMark:
        objects_.charge_memory(kPerMark);
        marks_.push_back(stack_.size());
        return true;
      case kPop:
        // Python's pickler drops a mark in this way as well.
        if (depth() == 0 && !marks_.empty()) {
          marks_.pop_back();
        } else {
          pop();
        }
        return true;
      case kPopMark:
        pop_to_mark();
        return true;
      case kDup:
        push_again(top());
        return true;
      case kBinGet:
        recall(reader_.little<std::uint8_t>("a memo number"));
        return true;
      case kLongBinGet:
        recall(reader_.little<std::uint32_t>("a memo number"));
        return true;
      case kBinPut:
        memorise(reader_.little<std::uint8_t>("a memo number"));
        return true;
      case kLongBinPut:
        memorise(reader_.little<std::uint32_t>("a memo number"));
        return true;
      case kMemoize:
        memorise(static_cast<std::uint32_t>(memo_.size()));
        return true;
      case kFrame:
        reader_.take(8, "a frame");
        return true;
      default:
        return false;
    }
  }

  void memorise(std::uint32_t number) {
    const auto [entry, is_new] = memo_.insert_or_assign(number, top());
    if (is_new) objects_.charge_memory(kPerMemo);
  }

  void recall(std::uint32_t number) {
    const auto found = memo_.find(number);
    if (found == memo_.end()) objects_.wrong(fmt::format("recalls {}, which was not stored", number));
    push_again(found->second);
  }

  bool object(std::uint8_t op) {
    switch (op) {
      case kGlobal: {
        const auto module = reader_.take_until('\n', "a name");
        stack_.push_back(objects_.import_global(module, reader_.take_until('\n', "a name")));
        return true;
      }
      case kStackGlobal: {
        const auto name = objects_.expect<PickleText>(pop(), "a name").text;
        const auto module = objects_.expect<PickleText>(pop(), "a name").text;
        stack_.push_back(objects_.import_global(module, name));
        return true;
      }
      case kReduce:
      case kNewObj: {
        const auto arguments = pop();
        stack_.push_back(objects_.construct(pop(), arguments));
        return true;
      }
      case kNewObjEx: {
        const auto keywords = pop(), arguments = pop();
        stack_.push_back(objects_.construct(pop(), arguments, keywords));
        return true;
      }
      case kBuild: {
        const auto state = pop();
        objects_.set_state(top(), state);
        return true;
      }
      case kBinPersId:
        stack_.push_back(objects_.storage(pop()));
        return true;
      default:
        return false;
    }
  }

  // Bytes of memory, with what a growing list takes while it moves.
  static constexpr std::uint64_t kPerMention = 4 * sizeof(PickleRef), kPerMark = 3 * sizeof(std::size_t),
                                 kPerMemo = 56;

  ByteReader<CheckpointError> reader_;
  PickleObjects objects_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;  ///< heights of the stack
  std::unordered_map<std::uint32_t, PickleRef> memo_;
  std::optional<PickleRef> none_, true_, false_;
  std::array<std::optional<PickleRef>, 256> small_;
};

}  // namespace

Pickle read_pickle(std::string_view bytes, std::string_view where, FileBudget& budget) {
  return Machine(bytes, where, budget).run();
}

Pickle read_pickle(std::string_view bytes, std::string_view where) {
  FileBudget budget(where, bytes.size());
  return read_pickle(bytes, where, budget);
}

}  // namespace arzoo::io
