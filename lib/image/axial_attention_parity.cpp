#include <torch/torch.h>

#include "image/axial_parity.h"
#include "image/fixture.h"
#include "image/recorded_steps.h"
#include "nn/axial_attention.h"
#include "runtime/training_replay.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

nn::AxialAttentionOptions attention_options(const ParityCase& fixture) {
  nn::AxialAttentionOptions options;
  fixture.config.at("dim").read(options.dim, at_least(1));
  fixture.config.at("heads").read(options.heads, at_least(1));
  // "null": a share of the width.
  if (fixture.config.has("dim_heads")) {
    const auto width = fixture.config.at("dim_heads");
    if (!width.json().is_null()) width.read(options.dim_heads, at_least(1));
  }
  return options;
}

/// One AxialAttention: `name` are its weights, `output` what it makes of `input`.
void replay_block(const ParityCase& fixture, nn::AxialAttentionOptions options, const std::string& name,
                  const std::string& input, const std::string& output, ParityReport& report) {
  if (!fixture.io.contains(output)) return;
  const auto x = fixture.input(input);
  options.num_dimensions = x.dim() - 2;
  nn::AxialAttention attention(options);
  fixture.load(attention, weights_of(fixture.weights(), name + "."));
  const torch::NoGradGuard no_grad;
  report.check(output, attention.forward(x));
}

/// The lengths of the grid's axes behind the batch and the channels.
std::vector<int64_t> grid_of(const at::Tensor& x) { return x.sizes().slice(2).vec(); }

void replay_image(const ParityCase& fixture, const std::string& name, const std::string& output,
                  bool reversible, ParityReport& report) {
  if (!fixture.io.contains(output)) return;
  const auto own = attention_options(fixture);
  const auto x = fixture.input("x");
  const auto weights = weights_of(fixture.weights(), name + ".");
  nn::AxialImageTransformerOptions options{.dim = own.dim,
                                           .depth = 0,
                                           .heads = own.heads,
                                           .dim_heads = own.dim_heads,
                                           .shape = {},
                                           .reversible = reversible};
  if (weights.contains("pos_emb.param_0")) options.shape = grid_of(x);
  const auto* attention =
      reversible ? "layers.blocks.{}.f.net.fn.fn.to_q.weight" : "layers.blocks.{}.0.fn.fn.to_q.weight";
  while (weights.contains(fmt::format(fmt::runtime(attention), 2 * options.depth))) ++options.depth;
  nn::AxialImageTransformer model(options);
  fixture.load(model, weights);
  const auto mixed = model.forward(x);
  report.check(output, mixed);
  const auto norms = output + "_grad_norms";
  if (!fixture.io.contains(norms)) return;
  mixed.square().mean().backward();
  report.check(norms,
               runtime::gradient_norms(
                   model, runtime::listed_names(fixture, norms.substr(0, norms.size() - 1) + "_names")));
}

}  // namespace

void replay_axial_attention(const ParityCase& fixture, ParityReport& report) {
  auto options = attention_options(fixture);
  options.dim_index = 1;
  replay_block(fixture, options, "sum", "x", "sum", report);
  options.dim_index = -1;
  options.sum_axial_out = false;
  replay_block(fixture, options, "seq", "x_last", "seq", report);
  options.dim_index = 2;
  options.sum_axial_out = true;
  replay_block(fixture, options, "video", "video", "video_sum", report);
  if (fixture.io.contains("pos")) {
    const auto x = fixture.input("x");
    nn::AxialPositionalEmbedding embedding(options.dim, grid_of(x));
    fixture.load(embedding, weights_of(fixture.weights(), "pos."));
    const torch::NoGradGuard no_grad;
    report.check("pos", embedding.forward(x));
  }
  replay_image(fixture, "image", "image", /*reversible=*/false, report);
  replay_image(fixture, "rev", "image_reversible", /*reversible=*/true, report);
}

}  // namespace arzoo::image
