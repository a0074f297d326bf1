#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/config.h"

namespace arzoo::image {

/// The "sampling" section of a model folder's config.json: how its author would draw.
struct SamplingDefaults {
  std::optional<double> cfg;
  int64_t top_k = 900;
  double top_p = 0.96;
  double temperature = 1.0;
  std::optional<int64_t> steps;
  int64_t denoising_steps = 100;
  std::string cfg_schedule = "linear";
  double clip = 0.0;
  std::string solver = "euler";
  double guidance = 0.9;

  static void fields(auto& o, auto& field) {
    field("cfg", o.cfg, at_least(0),
          "strength of the class: var 1.5 by default, 0 for none; mar 2.9 and flowar 4.3, 1 for none");
    field("top_k", o.top_k, at_least(0), "var: likeliest codes that may be drawn, 0 for all");
    field("top_p", o.top_p, between(0, 1),
          "var: probability of the likeliest codes that may be drawn, 0 for all");
    field("temperature", o.temperature, more_than(0),
          "var: divides the logits; mar: of the diffusion head's noise; flowar: of the first noise");
    field("steps", o.steps, at_least(1),
          "mar: steps of the generation, 64 by default; flowar: of each scale's flow, 25 by default");
    field("denoising_steps", o.denoising_steps, between(1, 1000), "mar: of the diffusion head");
    field("cfg_schedule", o.cfg_schedule, one_of({"linear", "constant"}),
          "mar: the class grows stronger with the tokens that are there, or not");
    field("clip", o.clip, at_least(0),
          "mar: bound of the scaled tokens' estimated numbers while they are denoised, 0 for none (as "
          "officially): small models need one");
    field("solver", o.solver, one_of({"euler", "midpoint", "heun"}), "flowar: of the flow");
    field("guidance", o.guidance, between(0, 1),
          "flowar: latest time, 1 is noise, at which the class guides the flow");
  }
};

/// Of a section "sampling"; the published defaults for null.
inline SamplingDefaults sampling_defaults(const Json& section) {
  return section.is_null() ? SamplingDefaults() : Config(section, "sampling").as<SamplingDefaults>();
}

}  // namespace arzoo::image
