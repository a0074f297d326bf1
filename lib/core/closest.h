#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace arzoo {

/// The name that `word` was probably meant to be: least Damerau-Levenshtein distance (letter case ignored),
/// and near enough to be worth saying: at most a third of the word's letters differ. The first of equally
/// near names. Nothing when no name is near. Cost is bounded whatever `known` holds: names far longer or
/// shorter are not compared, and a search that would take long ends with the best name so far.
std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& known);

}  // namespace arzoo
