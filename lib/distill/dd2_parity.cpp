#include <torch/torch.h>

#include <array>

#include "core/options_among.h"
#include "distill/fixture.h"
#include "distill/flow_mapping.h"
#include "distill/score_losses.h"
#include "runtime/training_replay.h"

namespace arzoo::distill {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// The teacher and the two networks of a case.
struct Networks {
  explicit Networks(const ParityCase& fixture)
      : weights(fixture.weights()),
        options(llamagen_options_among(fixture.config)),
        teacher(options),
        generator(*trained.register_module("gen",
                                           std::make_shared<LlamaGenDiffusion>(options, head_size(fixture)))),
        guidance(*trained.register_module("gui",
                                          std::make_shared<LlamaGenDiffusion>(options, head_size(fixture)))),
        codebook(weights.at("codebook")),
        labels(fixture.input("labels")),
        cfg(number_at(fixture.config, "cfg_scale")),
        alpha(number_at(fixture.config, "alpha")) {
    load_part(fixture, teacher, weights, "teacher.");
    load_part(fixture, generator, weights, "gen.");
    load_part(fixture, guidance, weights, "gui.");
    for (auto& parameter : trained.parameters()) parameter.requires_grad_(true);
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
  image::LlamaGenOptions options;
  image::LlamaGen teacher;
  torch::nn::Module trained;
  LlamaGenDiffusion &generator, &guidance;
  at::Tensor codebook, labels;
  double cfg, alpha;
};

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
  report.check("gts_grad_norms",
               runtime::gradient_norms(networks.guidance, runtime::listed_names(fixture, "gts_grad_names")));
  networks.guidance.zero_grad();
}

void replay_distillation(const ParityCase& fixture, Networks& networks, ParityReport& report) {
  const auto q = networks.generator.generate(networks.labels, fixture.input("gen_noise"));
  report.check("gen_q", q.detach());
  const auto fcs = fcs_loss(networks.guidance, networks.labels, q, random_inputs_of(fixture, "fcs"));
  report.check("fcs_v", fcs.velocity.detach());
  report.check("fcs_loss", fcs.loss.detach().view({1}));
  fcs.loss.backward();
  report.check("fcs_grad_norms",
               runtime::gradient_norms(networks.guidance, runtime::listed_names(fixture, "fcs_grad_names")));
  networks.guidance.zero_grad();
  report.check("csd_prefix_idx", networks.nearest(q));
  const auto csd = networks.csd(q, random_inputs_of(fixture, "csd"));
  report.check("csd_x0_real", csd.real.detach());
  report.check("csd_x0_fake", csd.fake.detach());
  report.check("csd_weight", csd.weight);
  report.check("csd_loss", csd.loss.view({1}));
  report.check("csd_dq", csd.gradient);
  with_gradient(csd.loss, q, csd.gradient).backward();
  report.check("csd_gen_grad_norms",
               runtime::gradient_norms(networks.generator, runtime::listed_names(fixture, "csd_grad_names")));
}

enum class ScoreLoss { gts, fcs, csd };

/// The turns of a recorded training: first GTS rounds, then rounds of FCS and CSD in turn.
struct Turns {
  int64_t rounds;
  double guidance_rate, generator_rate;

  struct Turn {
    ScoreLoss loss;
    int64_t round;
  };
  Turn at(int64_t step) const {
    if (step < rounds) return {ScoreLoss::gts, step};
    return {(step - rounds) % 2 == 0 ? ScoreLoss::fcs : ScoreLoss::csd, (step - rounds) / 2};
  }
  double rate(Turn turn) const { return turn.loss == ScoreLoss::csd ? generator_rate : guidance_rate; }
};

at::Tensor turn_loss(const ParityCase& fixture, Networks& networks, Turns::Turn turn) {
  if (turn.loss == ScoreLoss::gts) {
    const auto ids = fixture.input("gts_idx")[turn.round];
    return gts_loss(networks.guidance, networks.labels, at::embedding(networks.codebook, ids),
                    closed_form_mean(networks.logits(ids), networks.codebook),
                    random_inputs_of(fixture, "gts", turn.round))
        .loss;
  }
  const auto noise = fixture.input("gen_noise")[turn.round];
  if (turn.loss == ScoreLoss::fcs) {
    at::Tensor q;
    {
      const torch::NoGradGuard no_grad;
      q = networks.generator.generate(networks.labels, noise);
    }
    return fcs_loss(networks.guidance, networks.labels, q, random_inputs_of(fixture, "fcs", turn.round)).loss;
  }
  const auto q = networks.generator.generate(networks.labels, noise);
  const auto terms = networks.csd(q, random_inputs_of(fixture, "csd", turn.round));
  return with_gradient(terms.loss, q, terms.gradient);
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
  options.lradj = "constant";
  const auto rounds = static_cast<int64_t>(number_at(settings, "rounds"));
  const Turns turns{rounds, number_at(settings, "lr_gui"), number_at(settings, "lr_gen")};
  const auto log =
      runtime::replay_training({.model = networks.trained,
                                .options = options,
                                .steps = 3 * rounds,
                                .loss = [&](int64_t step) -> runtime::Losses {
                                  return {turn_loss(fixture, networks, turns.at(step))};
                                },
                                .learning_rate = [&](int64_t step) { return turns.rate(turns.at(step)); }});
  std::array<std::vector<double>, 3> losses;
  for (int64_t step = 0; step < 3 * rounds; ++step)
    losses.at(static_cast<std::size_t>(turns.at(step).loss)).push_back(log.losses.at(step));
  const std::array names{"gts_loss", "fcs_loss", "csd_loss"};
  for (std::size_t i = 0; i < names.size(); ++i) report.check(names[i], at::tensor(losses[i], at::kDouble));
  report.check("gen_norms",
               runtime::weight_norms(networks.generator, runtime::listed_names(fixture, "gen_names")));
  report.check("gui_norms",
               runtime::weight_norms(networks.guidance, runtime::listed_names(fixture, "gui_names")));
}

}  // namespace arzoo::distill
