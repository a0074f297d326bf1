#pragma once

#include "core/config.h"

namespace arzoo::distill {

/// The "data" section of a distillation: the teacher and what it generates. No torch in here.
struct DataOptions {
  std::string teacher;
  std::string trajectories;
  int64_t pairs = 8000;
  int64_t held_out = 500;
  int64_t ode_steps = 50;
  std::optional<double> cfg;
  std::optional<int64_t> top_k;
  std::optional<double> top_p;

  static void fields(auto& o, auto& field) {
    field("teacher", o.teacher, a_path(),
          "run directory or model folder of the trained teacher with its tokenizer, relative to the config "
          "file");
    field("trajectories", o.trajectories, {},
          "file of the teacher's samples, written if it does not exist; empty: kept in memory");
    field("pairs", o.pairs, at_least(1),
          "number of training trajectories: noise and the tokens that it leads to");
    field("held_out", o.held_out, at_least(2), "number of validation trajectories");
    field("ode_steps", o.ode_steps, at_least(1), "Euler steps of the flow from noise to a token");
    field("cfg", o.cfg, at_least(0), "guidance scale of the teacher, by default its own");
    field("top_k", o.top_k, at_least(0),
          "samples from the k most likely codes, by default the teacher's k; 0 for all");
    field("top_p", o.top_p, between(0, 1),
          "cumulative probability of the codes to sample from, by default the teacher's; 0 for all");
  }
};

/// The "evaluation" section of a distillation.
struct EvaluationOptions {
  int64_t batch_size = 50;
  int64_t shown = 40;

  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, at_least(1), "pictures at once; results do not depend on it");
    field("shown", o.shown, between(0, 100), "pictures in the report");
  }
};

}  // namespace arzoo::distill
