#include "leaderboard_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "text_table.h"

namespace arzoo::cli {
namespace {

/// A score by its key and its title; shown where a model has it.
using Score = std::pair<const char*, const char*>;
constexpr Score kScores[] = {{"mase", "mase"}, {"mae", "mae"}, {"wql", "wql"}, {"held_out", "mase held out"}};

std::string score_text(const Json& row, const std::string& key) {
  const bool has = row.contains(key) && row.at(key).is_number();
  return has ? fmt::format("{:.3f}", row.at(key).get<double>()) : "-";
}

std::string bounded(const Json& row, const std::string& key) {
  const auto low = score_text(row, key + "_low");
  if (low == "-") return score_text(row, key);
  return fmt::format("{} ({} to {})", score_text(row, key), low, score_text(row, key + "_high"));
}

}  // namespace

std::string leaderboard_text(const Json& leaderboard) {
  const auto& models = leaderboard.at("models");
  std::vector<Score> scores;
  for (const auto& score : kScores) {
    const auto has = [&](const Json& row) { return score_text(row, score.first) != "-"; };
    if (std::any_of(models.begin(), models.end(), has)) scores.push_back(score);
  }
  std::vector<Column> columns{"model"};
  for (const auto& score : scores) columns.emplace_back(score.second);
  columns.insert(columns.end(), {"skill", "win rate"});
  Table table(columns);
  for (const auto& row : models) {
    std::vector<Cell> cells{row.at("model").get<std::string>()};
    for (const auto& score : scores) cells.emplace_back(score_text(row, score.first));
    cells.emplace_back(bounded(row, "skill"));
    cells.emplace_back(bounded(row, "win_rate"));
    table.add(std::move(cells));
  }
  return fmt::format(
      "\n{}skill: 1 - error / error of {}, geometric mean over {} windows of series; in parentheses: 95 %\n",
      aligned(table), leaderboard.at("baseline").get<std::string>(), leaderboard.at("tasks").get<int64_t>());
}

}  // namespace arzoo::cli
