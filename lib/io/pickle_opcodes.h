#pragma once

#include <cstdint>

namespace arzoo::io {

/// The opcodes, as Python's pickletools describes them, that a pickler of protocol 2 to 5 uses for data. The
/// missing ones (INST, OBJ, EXT1, PERSID, …) are those of other protocols, or make objects that no tensor
/// file needs.
// clang-format off
enum PickleOpcode : std::uint8_t {
  kProto = 0x80, kFrame = 0x95, kStop = '.',
  kMark = '(', kPop = '0', kPopMark = '1', kDup = '2',
  kBinGet = 'h', kLongBinGet = 'j', kBinPut = 'q', kLongBinPut = 'r', kMemoize = 0x94,
  kNone = 'N', kNewTrue = 0x88, kNewFalse = 0x89,
  kBinFloat = 'G', kBinInt = 'J', kBinInt1 = 'K', kBinInt2 = 'M', kLong1 = 0x8a, kLong4 = 0x8b,
  kBinString = 'T', kShortBinString = 'U', kBinUnicode = 'X', kShortBinUnicode = 0x8c, kBinUnicode8 = 0x8d,
  kBinBytes = 'B', kShortBinBytes = 'C', kBinBytes8 = 0x8e,
  kEmptyDict = '}', kDict = 'd', kSetItem = 's', kSetItems = 'u',
  kEmptyList = ']', kList = 'l', kAppend = 'a', kAppends = 'e',
  kEmptyTuple = ')', kTuple = 't', kTuple1 = 0x85, kTuple2 = 0x86, kTuple3 = 0x87,
  kEmptySet = 0x8f, kAddItems = 0x90, kFrozenSet = 0x91,
  kGlobal = 'c', kStackGlobal = 0x93, kReduce = 'R', kNewObj = 0x81, kNewObjEx = 0x92, kBuild = 'b', kBinPersId = 'Q'
};
// clang-format on

}  // namespace arzoo::io
