#include <torch/torch.h>

#include "icl/fixture.h"
#include "icl/path_finding.h"
#include "icl/path_learner.h"
#include "runtime/lr_schedule.h"

namespace arzoo::icl {
namespace {

/// The recorded random numbers, one after the other.
class RecordedRandomInputs {
 public:
  explicit RecordedRandomInputs(const at::Tensor& random_inputs)
      : random_inputs_(random_inputs.to(at::kDouble).contiguous()) {}
  double next() {
    if (used_ == random_inputs_.size(0))
      fail<CheckFailed>("more random numbers are used than the case holds");
    return random_inputs_.const_data_ptr<double>()[used_++];
  }
  int64_t used() const { return used_; }

 private:
  at::Tensor random_inputs_;
  int64_t used_ = 0;
};

at::Tensor verdicts(const at::Tensor& candidates, const PathGraph& graph) {
  std::vector<int64_t> codes;
  for (int64_t i = 0; i < candidates.size(0); ++i) {
    PathRow row;
    for (int64_t k = 0; k < candidates.size(1); ++k) {
      const auto node = candidates[i][k].item<int64_t>();
      if (node >= 0) row.push_back(node);
    }
    codes.push_back(static_cast<int64_t>(judge(row, graph)));
  }
  return at::tensor(codes, at::kLong);
}

}  // namespace

void replay_paths(const ParityCase& fixture, ParityReport& report) {
  RecordedRandomInputs random_inputs(fixture.input("draws"));
  const auto next = [&] { return random_inputs.next(); };
  const auto graph =
      sample_graph(whole_number(fixture, "num_nodes"), real_number(fixture, "edge_prob"), next);
  report.check_value("edge random inputs", static_cast<double>(random_inputs.used()),
                     fixture.input("n_edge_draws").item<double>(), {0, 0});
  const auto split = split_pairs(graph, real_number(fixture, "chance_in_train"), next);
  report.check_value("split random inputs", static_cast<double>(random_inputs.used()),
                     fixture.input("n_split_end").item<double>(), {0, 0});
  const auto rows = sample_rows(graph, split, whole_number(fixture, "num_of_paths"), next);
  const auto block = block_size(rows);
  const auto seen = observe(rows.train, graph.nodes());
  report.check("adjacency", graph.adjacency);
  report.check("reachability", graph.reachability);
  report.check("split", split);
  report.check("train_ids", row_tokens(rows.train, block));
  report.check("test_ids", row_tokens(rows.test, block));
  report.check("observed_adjacency", seen.adjacency);
  report.check("observed_reachability", seen.reachability);
  report.check("codes", verdicts(fixture.input("candidates"), graph));
}

void replay_path_learner(const ParityCase& fixture, ParityReport& report) {
  PathLearner learner(options_among<AlpineOptions>(fixture.config), whole_number(fixture, "vocab_size"),
                      whole_number(fixture, "block_size"));
  fixture.load(learner, fixture.weights());
  learner.tie();
  const auto &x = fixture.input("x"), &y = fixture.input("y");
  {
    const torch::NoGradGuard no_grad;
    nn::DecoderTrace trace;
    report.check("logits", learner.forward(x, nullptr, &trace));
    report.check("loss", learner.loss(x, y));
    for (std::size_t layer = 0; layer < trace.blocks.size(); ++layer) {
      for (const auto& [name, value] :
           {std::pair{"hidden", trace.hidden.at(layer + 1)}, {"attn", trace.blocks.at(layer).attention}}) {
        const auto output = fmt::format("{}{}", name, layer);
        if (fixture.io.contains(output)) report.check(output, value);
      }
    }
  }
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.learning_rate = real_number(fixture, "learning_rate");
  options.betas = {real_number(fixture, "beta1"), real_number(fixture, "beta2")};
  options.weight_decay = real_number(fixture, "weight_decay");
  options.clip_grad_norm = real_number(fixture, "grad_clip");
  options.warmup_steps = whole_number(fixture, "warmup_iters");
  options.no_weight_decay = no_weight_decay_path_parameters();
  options.lradj = "cosine";
  options.min_learning_rate = options.learning_rate / 10;
  const int64_t steps = fixture.io.at("train_losses").size(0), all = whole_number(fixture, "max_iters");
  std::vector<double> rates;
  for (int64_t step = 0; step < steps; ++step)
    rates.push_back(runtime::learning_rate(options, step, steps, all));
  // The recorded steps warm up and then keep their rate.
  options.lradj = "constant";
  const auto log = runtime::replay_training(
      {.model = learner, .options = options, .steps = steps, .loss = [&](int64_t) -> runtime::Losses {
         return {learner.loss(x, y)};
       }});
  report.check("lrs", at::tensor(rates, at::kDouble));
  report.check("train_losses", at::tensor(log.losses, at::kDouble));
  check_trained(learner, fixture, report);
}

}  // namespace arzoo::icl
