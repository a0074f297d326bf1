#pragma once

#include "image/flowar_model.h"
#include "runtime/image_request.h"

namespace arzoo::image {

/// How a scale is sampled along the flow.
struct FlowSampling {
  int64_t num_steps = 25;  ///< of the official time grid, which has 50 steps for 50 and else one less if odd
  double cfg = 4.3;        ///< guidance scale at the last scale, growing linearly from 1 (none)
  double guidance_low = 0.0;  ///< guidance is in force between these times; 1 is noise
  double guidance_high = 0.9;
  /// "euler"; "midpoint" and "heun" ask the network twice a step, "adams" (Adams and Bashforth's second
  /// order) once, and uses the answer of the step before as well.
  std::string solver = "euler";
  double temperature = 1.0;  ///< of the noise that a scale begins with
};

/// How pictures are sampled: what was asked for, else what the model's folder says, else the published
/// settings.
FlowSampling flow_sampling(const Json& asked, const Json& folder);

/// The official times from 1 (noise) to 0, in double precision: evenly spaced for 50 steps; else half of them
/// above 0.3 and half below 0.25.
std::vector<double> flow_times(int64_t num_steps);

/// Watches a generation.
struct FlowObserver {
  /// The flow network's first answer at a scale, [B or 2 B, N, C], before guidance.
  std::function<void(const at::Tensor& velocity)> on_first = nullptr;
  /// A scale is finished. z: [2 B, N, D]; tokens: [B or 2 B, N, C] as the flow left them.
  std::function<void(std::size_t scale, const at::Tensor& z, const at::Tensor& tokens)> on_scale = nullptr;
};

/// The noise that a scale begins with: [B, N, C]; or [2 B, N, C], when both halves are to be followed to
/// their ends, though only the first counts.
using FlowNoise = std::function<at::Tensor(std::size_t scale)>;

/// The latent, [B, C, H, W] fp32, of pictures of these classes, [B] long. `trace`: collects each block's
/// output of each scale.
at::Tensor sample_latents(const FlowAr& model, const at::Tensor& labels, const FlowSampling& sampling,
                          const FlowNoise& noise, const FlowObserver& observer = {},
                          runtime::Trace* trace = nullptr);

/// Noise that follows from each picture's seed alone.
FlowNoise seeded_flow_noise(const FlowAr& model, std::vector<uint64_t> seeds, double temperature);

}  // namespace arzoo::image
