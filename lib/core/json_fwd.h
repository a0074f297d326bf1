#pragma once

#include <nlohmann/json_fwd.hpp>

namespace arzoo {

template <class Key, class Value, class IgnoredLess, class Allocator>
class JsonObject;

/// A JSON value whose objects keep the order of their members and find a key in logarithmic time.
using Json = nlohmann::basic_json<JsonObject>;

}  // namespace arzoo
