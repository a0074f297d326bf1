#pragma once

#include <string>
#include <vector>

#include "core/chart.h"
#include "core/json.h"

namespace arzoo::forecast {

/// One model of a comparison.
struct ComparedModel {
  std::string name;
  Json scores = Json::object();            ///< as ForecastScores::json; what is missing is left out
  std::vector<double> step_errors = {};    ///< mean scaled error of each step ahead
  std::vector<double> series_errors = {};  ///< mean scaled error of each series; NaN: none
};

/// Models that forecast the same windows.
struct Comparison {
  std::string title, subtitle;
  std::vector<std::string> remarks = {};  ///< paragraphs below the title
  Json leaderboard = Json::object();      ///< {"baseline", "tasks", "models": […]}, the best first
  std::vector<std::string> series = {};   ///< their names
  std::vector<ComparedModel> models = {};
  std::vector<FanChart> charts = {};
};

/// One HTML page (core/report.h): the ranking with its scores, skills and win rates with their 95 %
/// intervals, the error of each step, where each model is the best, and forecasts beside the truth.
std::string comparison_page(const Comparison& comparison);

}  // namespace arzoo::forecast
