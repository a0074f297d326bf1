#include <torch/torch.h>

#include "core/options_among.h"
#include "kernels/packed_weights.h"
#include "shape3d/argus3d_generator.h"
#include "shape3d/fixture.h"
#include "shape3d/trained_replay.h"

namespace arzoo::shape3d {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::shared_ptr<Argus3dVq> load_stage1(const ParityCase& fixture, const Config& config,
                                       const runtime::NamedTensors& weights) {
  auto model = std::make_shared<Argus3dVq>(options_among<Argus3dVqOptions>(config));
  fixture.load(*model, weights);
  return model;
}

std::shared_ptr<Argus3d> load_stage2(const ParityCase& fixture, const Config& config) {
  const auto weights = fixture.weights();
  require_tied(weights);
  auto model = std::make_shared<Argus3d>(options_among<Argus3dOptions>(config));
  fixture.load(*model, weights);
  model->eval();
  return model;
}

/// What a case holds of a map: some of its rows and columns, evenly spread.
void check_map(const std::string& name, const at::Tensor& map, const ParityCase& fixture,
               ParityReport& report) {
  if (!fixture.io.contains(name)) return;
  const auto& expected = fixture.io.at(name);
  auto some = map;
  if (map.dim() == 4 && expected.dim() == 4 && expected.size(3) > 0 && expected.size(3) < map.size(3)) {
    some = some.slice(2, std::nullopt, std::nullopt, map.size(2) / expected.size(2));
    some = some.slice(3, std::nullopt, std::nullopt, map.size(3) / expected.size(3));
  }
  report.check(name, some);
}

void check_trace(const runtime::Trace& trace, const ParityCase& fixture, ParityReport& report) {
  for (const auto& [name, value] : trace) check_map(name, value, fixture, report);
}

void replay_stage1_forward(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_stage1(fixture, fixture.config, fixture.weights());
  const auto &points = fixture.input("points"), &queries = fixture.input("queries"),
             &occupancy = fixture.input("occupancy");
  runtime::Trace trace;
  const auto pass = model->train_pass(points, queries, &trace);
  check_trace(trace, fixture, report);
  report.check("ids", pass.ids);
  report.check("vq_loss", pass.vq_loss);
  report.check("logits", pass.logits);
  const auto losses = model->loss(points, queries, occupancy);
  report.check("loss_rec", losses.parts.at(0).second);
  report.check("loss", losses.total);
  losses.total.backward();
  report.check("grad_norm", runtime::gradient_norms(*model, runtime::listed_names(fixture, "param_order")));
  // As loaded, and as inference packs it.
  const torch::NoGradGuard no_grad;
  for (const bool packed : {false, true}) {
    if (packed && !points.device().is_cpu()) break;
    if (packed) kernels::pack_for_inference(*model);
    report.check("ids", model->tokens(points));
    report.check("logits_from_ids", model->query(queries, model->planes(fixture.io.at("ids"))));
  }
}

void replay_stage1_training(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_stage1(fixture, fixture.config, fixture.weights());
  const auto names = runtime::listed_names(fixture, "norm_names");
  auto training = constant_training(fixture, *model, names);
  std::vector<at::Tensor> rec, vq, ids;
  training.loss = [&](int64_t step) {
    const torch::NoGradGuard no_grad;
    ids.push_back(model->tokens(fixture.input("points")));
    const torch::AutoGradMode with_grad(true);
    return model->loss(fixture.input("points"), fixture.input("queries")[step],
                       fixture.input("occupancy")[step]);
  };
  training.after_step = [&](int64_t, const runtime::Losses& losses) {
    rec.push_back(losses.parts.at(0).second);
    vq.push_back(losses.parts.at(1).second);
  };
  const StartingWeights start(*model);
  const auto log = runtime::replay_training(training);
  report.check("loss_rec", at::stack(rec));
  report.check("vq_loss", at::stack(vq));
  report.check("ids", at::stack(ids));
  check_training(fixture, training, start, log, names, report);
}

}  // namespace

void replay_argus3d_stage1(const ParityCase& fixture, ParityReport& report) {
  fixture.config.has("optimizer") ? replay_stage1_training(fixture, report)
                                  : replay_stage1_forward(fixture, report);
}

void replay_argus3d_stage2(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_stage2(fixture, fixture.config);
  const auto &labels = fixture.input("class_idx"), &ids = fixture.input("ids");
  {
    const torch::NoGradGuard no_grad;
    runtime::Trace trace;
    report.check("logits", model->forward(labels, ids, &trace));
    check_trace(trace, fixture, report);
    report.check("logits", model->forward(labels, ids));
  }
  check_batch_training(
      fixture, *model, [&] { return model->loss(labels, ids); }, report);
}

void replay_argus3d_sample(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto& config = fixture.config;
  const auto stage1 = config.at("stage1");
  const auto weights = runtime::open_tensors(fixture.folder / stage1.text("weights"));
  const auto vq = load_stage1(fixture, stage1, weights);
  const auto model = load_stage2(fixture, config.at("stage2"));
  const auto rules = decoding_rules(options_among<Argus3dGenerationOptions>(config));
  int64_t grid = 0;
  config.at("grid").read(grid, between(2, 1024));
  const auto& labels = fixture.input("class_idx");
  for (const bool packed : {false, true}) {
    if (packed && !labels.device().is_cpu()) break;
    if (packed) kernels::pack_for_inference(*model);
    nn::ReplayedRandomInputs random_inputs(fixture.input("noise").transpose(0, 1).contiguous().cpu());
    std::vector<at::Tensor> probabilities;
    const auto ids = argus3d_tokens(*model, labels, rules, random_inputs, [&](const nn::DecodingStep& step) {
                       probabilities.push_back(at::softmax(step.allowed, -1));
                       return true;
                     }).to(labels.device());
    report.check("ids", ids);
    report.check("probs", at::stack(probabilities, 1));
    const auto planes = vq->planes(ids);
    for (std::size_t plane = 0; plane < planes.size(); ++plane)
      check_map(std::string("plane_") + kPlaneNames[plane], planes[plane], fixture, report);
    const auto axis =
        at::linspace(-0.5, 0.5, grid, ids.options().dtype(at::kFloat)) * (1.0 + vq->options().padding);
    const auto axes = at::meshgrid({axis, axis, axis}, "ij");
    const auto points = at::stack({axes[0].flatten(), axes[1].flatten(), axes[2].flatten()}, 1);
    const auto logits = vq->query(points.unsqueeze(0).expand({ids.size(0), -1, -1}), planes);
    report.check("occupancy_logits", logits.view({ids.size(0), grid, grid, grid}));
  }
}

}  // namespace arzoo::shape3d
