#include <torch/torch.h>

#include "core/options_among.h"
#include "distill/fixture.h"
#include "distill/flow_mapping.h"
#include "distill/score_losses.h"
#include "runtime/optimizer.h"

namespace arzoo::distill {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// The teacher and the two networks of a case.
struct Networks {
  explicit Networks(const ParityCase& fixture)
      : weights(fixture.weights()),
        options(options_among<LlamaGenOptions>(fixture.config)),
        teacher(options),
        generator(options, head_size(fixture)),
        guidance(options, head_size(fixture)),
        codebook(weights.at("codebook")),
        labels(fixture.input("labels")),
        cfg(number_at(fixture.config, "cfg_scale")),
        alpha(number_at(fixture.config, "alpha")) {
    load_part(teacher, weights, "teacher.");
    load_part(generator, weights, "gen.");
    load_part(guidance, weights, "gui.");
    for (torch::nn::Module* network : std::initializer_list<torch::nn::Module*>{&generator, &guidance}) {
      for (auto& parameter : network->parameters()) parameter.requires_grad_(true);
    }
  }

  static HeadSize head_size(const ParityCase& fixture) {
    HeadSize size;
    fixture.config.at("head_w").read(size.width, at_least(1));
    fixture.config.at("head_d").read(size.depth, at_least(1));
    return size;
  }
  at::Tensor logits(const at::Tensor& ids) const {
    const torch::NoGradGuard no_grad;
    return teacher.guided_logits(labels, ids, cfg);
  }
  at::Tensor nearest(const at::Tensor& q) const {
    const torch::NoGradGuard no_grad;
    return image::nearest_codes(q.flatten(0, 1), codebook).view({q.size(0), q.size(1)});
  }
  CsdTerms csd(const at::Tensor& q, const ScoreRandomInputs& random_inputs) {
    return csd_loss(guidance, labels, q, closed_form_mean(logits(nearest(q)), codebook), random_inputs,
                    alpha);
  }

  runtime::NamedTensors weights;
  LlamaGenOptions options;
  LlamaGen teacher;
  LlamaGenDiffusion generator, guidance;
  at::Tensor codebook, labels;
  double cfg, alpha;
};

std::vector<std::string> names_at(const ParityCase& fixture, const char* key) {
  std::vector<std::string> names;
  fixture.info.at(key).read(names, {});
  return names;
}

/// The lengths of the gradients (or of the parameters) in the order that the case lists.
at::Tensor lengths(const torch::nn::Module& module, const std::vector<std::string>& names,
                   bool of_gradients) {
  const auto parameters = module.named_parameters();
  std::vector<double> values;
  for (const auto& name : names) {
    const auto* parameter = parameters.find(name);
    if (parameter == nullptr) fail<CheckpointError>("the case lists {}, which is no parameter", name);
    const auto& value = of_gradients ? parameter->grad() : *parameter;
    values.push_back(value.defined() ? value.norm().item<double>() : 0.0);
  }
  return at::tensor(values, at::kDouble);
}

/// The random inputs of a loss called `name`, all or those of one round.
ScoreRandomInputs random_inputs_of(const ParityCase& fixture, const std::string& name,
                                   std::optional<int64_t> round = {}) {
  const auto pick = [&](const at::Tensor& all) { return round ? all[*round] : all; };
  return {pick(fixture.input(name + "_t")).unsqueeze(-1), pick(fixture.input(name + "_eps"))};
}

void replay_gts(const ParityCase& fixture, Networks& networks, ParityReport& report) {
  const auto ids = fixture.input("data_idx");
  const auto q = at::embedding(networks.codebook, ids);
  const auto logits = networks.logits(ids);
  const auto random_inputs = random_inputs_of(fixture, "gts");
  const auto terms = gts_loss(networks.guidance, networks.labels, q,
                              closed_form_mean(logits, networks.codebook), random_inputs);
  report.check("gts_q_t", terms.q_t);
  report.check("gts_teacher_logp", at::log_softmax(logits, -1));
  report.check("gts_v_teacher", terms.teacher_velocity);
  report.check("gts_v_pred", terms.velocity.detach());
  const auto mean = posterior_mean(logits, terms.q_t, random_inputs.t, networks.codebook);
  const auto wanted = conditional_score(terms.q_t, mean, random_inputs.t);
  const auto told = score_of_velocity(terms.q_t, terms.velocity.detach(), random_inputs.t);
  report.check("gts_score_teacher", wanted);
  report.check("gts_score_pred", told);
  report.check("gts_loss_v", terms.loss.detach().view({1}));
  report.check("gts_loss_score", ((told - wanted).square().sum() / static_cast<double>(q.size(0))).view({1}));
  terms.loss.backward();
  report.check("gts_grad_norms", lengths(networks.guidance, names_at(fixture, "gts_grad_names"), true));
  networks.guidance.zero_grad();
}

void replay_distillation(const ParityCase& fixture, Networks& networks, ParityReport& report) {
  const auto q = networks.generator.generate(networks.labels, fixture.input("gen_noise"));
  report.check("gen_q", q.detach());
  const auto fcs = fcs_loss(networks.guidance, networks.labels, q, random_inputs_of(fixture, "fcs"));
  report.check("fcs_v", fcs.velocity.detach());
  report.check("fcs_loss", fcs.loss.detach().view({1}));
  fcs.loss.backward();
  report.check("fcs_grad_norms", lengths(networks.guidance, names_at(fixture, "fcs_grad_names"), true));
  networks.guidance.zero_grad();
  report.check("csd_prefix_idx", networks.nearest(q));
  const auto csd = networks.csd(q, random_inputs_of(fixture, "csd"));
  report.check("csd_x0_real", csd.real.detach());
  report.check("csd_x0_fake", csd.fake.detach());
  report.check("csd_weight", csd.weight);
  report.check("csd_loss", csd.loss.view({1}));
  report.check("csd_dq", csd.gradient);
  with_gradient(csd.loss, q, csd.gradient).backward();
  report.check("csd_gen_grad_norms", lengths(networks.generator, names_at(fixture, "csd_grad_names"), true));
}

}  // namespace

void replay_dd2_losses(const ParityCase& fixture, ParityReport& report) {
  Networks networks(fixture);
  replay_gts(fixture, networks, report);
  replay_distillation(fixture, networks, report);
}

void replay_dd2_training(const ParityCase& fixture, ParityReport& report) {
  Networks networks(fixture);
  const auto settings = fixture.config.at("optimizer");
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  settings.at("betas").read(options.betas, {});
  settings.at("eps").read(options.eps, {});
  settings.at("weight_decay").read(options.weight_decay, {});
  runtime::Adam guidance(networks.guidance, options), generator(networks.generator, options);
  const auto rounds = static_cast<int64_t>(number_at(settings, "rounds"));
  std::vector<double> gts, fcs, csd;
  const auto update = [](runtime::Adam& optimizer, const at::Tensor& loss, double rate,
                         std::vector<double>& log) {
    optimizer.zero_grad();
    loss.backward();
    optimizer.step(rate);
    log.push_back(loss.item<double>());
  };
  const double guidance_rate = number_at(settings, "lr_gui"), generator_rate = number_at(settings, "lr_gen");
  for (int64_t round = 0; round < rounds; ++round) {
    const auto ids = fixture.input("gts_idx")[round];
    const auto terms = gts_loss(networks.guidance, networks.labels, at::embedding(networks.codebook, ids),
                                closed_form_mean(networks.logits(ids), networks.codebook),
                                random_inputs_of(fixture, "gts", round));
    update(guidance, terms.loss, guidance_rate, gts);
  }
  for (int64_t round = 0; round < rounds; ++round) {
    const auto noise = fixture.input("gen_noise")[round];
    const auto q = networks.generator.generate(networks.labels, noise);
    const auto fake =
        fcs_loss(networks.guidance, networks.labels, q, random_inputs_of(fixture, "fcs", round));
    update(guidance, fake.loss, guidance_rate, fcs);
    const auto terms = networks.csd(q, random_inputs_of(fixture, "csd", round));
    update(generator, with_gradient(terms.loss, q, terms.gradient), generator_rate, csd);
  }
  report.check("gts_loss", at::tensor(gts, at::kDouble));
  report.check("fcs_loss", at::tensor(fcs, at::kDouble));
  report.check("csd_loss", at::tensor(csd, at::kDouble));
  report.check("gen_norms", lengths(networks.generator, names_at(fixture, "gen_names"), false));
  report.check("gui_norms", lengths(networks.guidance, names_at(fixture, "gui_names"), false));
}

}  // namespace arzoo::distill
