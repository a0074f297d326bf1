#include <torch/torch.h>

#include "core/options_among.h"
#include "graph/fixture.h"
#include "graph/link_metrics.h"
#include "graph/todyformer_model.h"
#include "runtime/training_replay.h"

namespace arzoo::graph {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// Events [first, first + count) of the case.
EventWindow window_of(const ParityCase& fixture, int64_t first, int64_t count) {
  const auto part = [&](const char* name) {
    return fixture.input(name).narrow(0, first, count).to(at::kCPU);
  };
  return {part("src"), part("dst"), part("time").to(at::kDouble),
          fixture.has_input("edge_feat") ? part("edge_feat") : at::Tensor()};
}

std::vector<std::string> parameter_order(const ParityCase& fixture) {
  std::vector<std::string> names;
  fixture.config.at("param_order").read(names, {});
  return names;
}

void check_encoder(const EncoderTrace& trace, const ParityCase& fixture, ParityReport& report) {
  const auto& patches = trace.patches;
  report.check("patch_of_event", patches.patch_of_event);
  report.check("token_rows", patches.rows);
  report.check("positions", trace.positions);
  const auto newest = patches.rows.select(1, 1).index_select(0, patches.newest);
  report.check("last_patch",
               at::full_like(fixture.io.at("last_patch"), -1).index_put({patches.nodes}, newest));
  for (std::size_t b = 0; b < trace.local.size(); ++b) {
    report.check(fmt::format("local{}", b), trace.local[b]);
    report.check(fmt::format("global{}", b), trace.global_[b]);
  }
}

void check_window(Todyformer& model, const ParityCase& fixture, ParityReport& report) {
  const auto& features = fixture.input("node_feat");
  EncoderTrace trace;
  const auto known = model.encode(window_of(fixture, 0, fixture.input("src").size(0)), features, {}, &trace);
  check_encoder(trace, fixture, report);
  const auto all = at::arange(features.size(0), at::TensorOptions(at::kLong).device(features.device()));
  report.check("node_state", model.states_of(known, all, features));
  const auto &source = fixture.input("query_src"), &other = fixture.input("negative_dst");
  const auto positive = model.score(known, source, fixture.input("query_dst"), features),
             negative = model.score(known, source, other, features);
  report.check("pos_score", positive);
  report.check("neg_score", negative);
  const auto loss = Todyformer::loss(positive, negative);
  report.check("loss", loss);
  loss.backward();
  report.check("grad_norms", runtime::gradient_norms(model, parameter_order(fixture)));
}

runtime::TrainingOptions recipe_of(const Config& train) {
  runtime::TrainingOptions options;
  auto optimizer = train.has("optimizer") ? train.text("optimizer") : "Adam";
  if (optimizer != "Adam" && optimizer != "AdamW")
    train.at("optimizer").reject(fmt::format("\"{}\" is of no known kind (expected Adam, AdamW)", optimizer));
  options.optimizer = optimizer == "Adam" ? "adam" : "adamw";
  options.lradj = "constant";
  if (train.has("lr")) train.at("lr").read(options.learning_rate, more_than(0));
  if (train.has("betas")) train.at("betas").read(options.betas, from_below(0, 1));
  if (train.has("eps")) train.at("eps").read(options.eps, more_than(0));
  if (train.has("weight_decay")) train.at("weight_decay").read(options.weight_decay, at_least(0));
  return options;
}

void check_training(Todyformer& model, const ParityCase& fixture, ParityReport& report) {
  const auto train = fixture.config.at("train");
  int64_t window = 1, stride = 1, steps = 1;
  train.at("window").read(window, at_least(1));
  train.at("stride").read(stride, at_least(1));
  train.at("steps").read(steps, at_least(1));
  const auto names = parameter_order(fixture);
  std::vector<at::Tensor> before;
  const auto parameters = model.named_parameters();
  for (const auto& name : names) before.push_back(parameters[name].detach().clone());
  const auto& features = fixture.input("node_feat");
  const auto log = runtime::replay_training(
      {.model = model,
       .options = recipe_of(train),
       .steps = steps,
       .loss = [&](int64_t step) -> runtime::Losses {
         const int64_t first = step * stride;
         const auto known = model.encode(window_of(fixture, first, window), features);
         const auto next = [&](const char* name) {
           return fixture.input(name).narrow(0, first + window, stride);
         };
         return {Todyformer::loss(
             model.score(known, next("src"), next("dst"), features),
             model.score(known, next("src"), fixture.input("negative_dst")[step], features))};
       }});
  report.check("loss", at::tensor(log.losses, at::kDouble));
  report.check("final_norms", runtime::weight_norms(model, names));
  std::vector<double> moved;
  for (std::size_t i = 0; i < names.size(); ++i)
    moved.push_back((parameters[names[i]].detach() - before[i]).to(at::kDouble).norm().item<double>());
  report.check("delta_norms", at::tensor(moved, at::kDouble));
}

}  // namespace

void replay_todyformer(const ParityCase& fixture, ParityReport& report) {
  Todyformer model(options_among<TodyformerOptions>(fixture.config));
  fixture.load(model, fixture.weights());
  if (fixture.config.has("train"))
    check_training(model, fixture, report);
  else
    check_window(model, fixture, report);
}

void replay_link_metrics(const ParityCase& fixture, ParityReport& report) {
  const auto &positive = fixture.input("pos_score"), &negative = fixture.input("neg_score");
  const auto ranks = link_ranks(positive, negative);
  const auto number = [](double value) { return at::scalar_tensor(value, at::kDouble); };
  report.check("ap", number(average_precision(positive, negative)));
  report.check("auc", number(area_under_roc(positive, negative)));
  report.check("rank", ranks);
  report.check("mrr", ranks.reciprocal().mean());
  for (const auto& name : fixture.output_names()) {
    if (!name.starts_with("hits")) continue;
    report.check(name, ranks.le(std::stod(name.substr(4))).to(at::kDouble).mean());
  }
}

}  // namespace arzoo::graph
