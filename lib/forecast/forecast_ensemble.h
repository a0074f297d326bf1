#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"

/// An ensemble is a folder whose config.json says {"family": "forecast", "ensemble": {"horizon", "members"}}:
/// names of baselines, or folders below it. ForecastModel::open opens it as it opens any model; its forecast
/// is the members' weighted mean, its intervals the weighted mean of the ends of those of the members that
/// have any ("Vincentization").
namespace arzoo::forecast {

struct EnsembleMember {
  std::string model;  ///< name of a baseline, folder below the ensemble's, or another path
  double weight = 0.0;

  static void fields(auto& o, auto& field) {
    field("model", o.model, {}, "name of a baseline, or folder");
    field("weight", o.weight, between(0, 1), "share in the forecast");
  }
};

struct EnsembleOptions {
  int64_t horizon = 1;  ///< where --horizon is not given
  std::vector<EnsembleMember> members;

  static void fields(auto& o, auto& field) {
    field("horizon", o.horizon, at_least(1), "steps to forecast when none are given");
    field("members", o.members, {}, "the models");
  }
  void check() const {
    require(!members.empty(), "an ensemble needs members");
    double sum = 0.0;
    for (const auto& member : members) sum += member.weight;
    require(sum > 0.99 && sum < 1.01, "the weights must sum to 1, they sum to {}", sum);
  }
};

/// Writes config.json of an ensemble into the folder, which has the folders of its members.
void save_ensemble(const std::filesystem::path& folder, const EnsembleOptions& options);

}  // namespace arzoo::forecast
