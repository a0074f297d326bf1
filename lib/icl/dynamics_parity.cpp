#include <torch/torch.h>

#include "icl/fixture.h"
#include "icl/linear_dynamics.h"
#include "icl/mesa_learner.h"
#include "kernels/mesa_attention.h"
#include "nn/split_heads.h"

namespace arzoo::icl {
namespace {

/// The kernels that a case keeps under "<name>/", as those of a transformer's first layer.
runtime::NamedTensors as_first_layer(const ParityCase& fixture, const std::string& name) {
  runtime::NamedTensors own(fixture.name);
  for (const auto& [key, tensor] : fixture.weights()) {
    if (key.starts_with(name + "/"))
      own.add("tf_block/blocklist_0/self_attn/" + key.substr(name.size() + 1), tensor);
  }
  return own;
}

}  // namespace

void replay_dynamics(const ParityCase& fixture, ParityReport& report) {
  const auto options = options_among<DynamicsOptions>(fixture.config);
  const torch::NoGradGuard no_grad;
  const auto states =
      dynamics_states(options, {fixture.input("W"), fixture.input("x1_unit"), fixture.input("noise")});
  const auto seen = states.narrow(1, 0, options.seq_len), labels = states.narrow(1, 1, options.seq_len);
  const auto tokens = constructed_tokens(seen);
  report.check("states", states);
  report.check("tokens", tokens);
  report.check("labels", labels);
  for (const std::string name : {"gd", "revalg"}) {
    MesaTransformerOptions model;
    model.num_heads = whole_number(fixture, "num_heads");
    model.key_size = whole_number(fixture, "key_size");
    MesaLearner learner(model, tokens.size(2));
    fixture.load(learner, as_first_layer(fixture, name));
    report.check(name + "_prediction", learner.forward(tokens).narrow(2, 0, options.data_dim));
    report.check(name + "_loss", learner.loss(tokens, labels));
  }
  const double lambda = real_number(fixture, "lamb");
  report.check("explicit_gd", dynamics_descent(seen, real_number(fixture, "eta")));
  report.check("lsq_official", dynamics_ridge(seen, lambda, SeenPairs::official));
  report.check("lsq_full", dynamics_ridge(seen, lambda, SeenPairs::all));
  constexpr double kOfficialNorm = 70.0;  // of the Neumann series, in the official code
  for (const auto& name : fixture.output_names()) {
    const auto steps = [&](std::string_view prefix) { return std::stoll(name.substr(prefix.size())); };
    if (name.starts_with("neumann_"))
      report.check(name, neumann_inverse(fixture.input("inv_input"), steps("neumann_"),
                                         real_number(fixture, "neumann_norm", kOfficialNorm)));
    if (name.starts_with("newton_"))
      report.check(name, newton_inverse(fixture.input("inv_input"), steps("newton_")));
  }
}

void replay_mesa_layer(const ParityCase& fixture, ParityReport& report) {
  for (const char* key : {"use_bias_p", "normalization", "use_schlagnorm"}) {
    bool asked = false;
    fixture.config.at(key).read(asked, {});
    if (asked) fixture.config.at(key).reject("is not known here");
  }
  const auto weights = fixture.weights();
  const auto leaf = [](const at::Tensor& value) { return value.clone().requires_grad_(); };
  const auto x = leaf(fixture.input("x")), q = leaf(weights.at("q_proj/kernel")),
             k = leaf(weights.at("k_proj/kernel")), v = leaf(weights.at("v_proj/kernel")),
             o = leaf(weights.at("o_proj/kernel")), lambdas = leaf(weights.at("lambdas"));
  const int64_t batch = x.size(0), tokens = x.size(1), heads = whole_number(fixture, "num_heads");
  const auto apart = [&](const at::Tensor& kernel) { return nn::split_heads(at::matmul(x, kernel), heads); };
  const auto inputs = apart(v);
  const auto mixed = kernels::mesa_attention(apart(q), inputs, apart(k), lambdas);  // [B, H, T, E]
  // Of what the official layer puts out the heads lie closest, coordinate by coordinate.
  const auto flat = mixed.permute({0, 2, 3, 1}).reshape({batch, tokens, -1});
  const auto output = at::matmul(flat, o);
  const auto loss = output.square().sum() / static_cast<double>(2 * batch * tokens);
  report.check("mesa_heads", mixed.permute({0, 2, 1, 3}));
  report.check("mesa_flat", flat);
  report.check("output", output);
  report.check("final_inverse", kernels::mesa_precisions(inputs, lambdas).select(2, -1));
  report.check("loss", loss);
  loss.backward();
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, at::Tensor>>{
           {"q_proj", q}, {"k_proj", k}, {"v_proj", v}, {"o_proj", o}, {"lambdas", lambdas}, {"x", x}})
    report.check(std::string("grad.") + name, value.grad());
}

}  // namespace arzoo::icl
