#pragma once

#include <limits>
#include <optional>
#include <stdexcept>

#include "core/atomic_file.h"
#include "runtime/experiment.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/one_thread.h"
#include "support/test.h"

namespace arzoo::test {

/// What is to go wrong in a run.
struct ToyFaults {
  int64_t infinite_batch = -1;      ///< its loss is infinite
  int64_t failing_save = -1;        ///< the save of this number, from 0, throws half-way
  double loss_scale = 1.0;          ///< of all losses
  std::vector<double> val = {};     ///< validation errors of the epochs, instead of the true ones
  std::optional<double> test = {};  ///< the test error, instead of the true one
};

/// A regression of two layers with dropout, small enough to be trained hundreds of times in a test.
class ToyExperiment : public runtime::Experiment {
 public:
  explicit ToyExperiment(ToyFaults faults = {}) : faults_(std::move(faults)) {
    torch::manual_seed(7);
    model_ = std::make_shared<Net>();
    // A resumed process has consumed other random numbers than the first one had.
    torch::manual_seed(static_cast<uint64_t>(instances_++));
  }

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return kBatches; }
  runtime::Losses loss(int64_t batch) override {
    batches.push_back(batch);
    const auto [x, y] = samples(1 + batch % kBatches, 8);
    auto total = at::mse_loss(model_->forward(x), y) * faults_.loss_scale;
    if (batch == faults_.infinite_batch) total = total * std::numeric_limits<double>::infinity();
    return {.total = total, .parts = {{"toy", total}}};
  }
  runtime::Metrics evaluate(runtime::Split split) override {
    torch::NoGradGuard no_grad;
    model_->eval();
    const auto [x, y] = samples(split == runtime::Split::val ? 1000 : 2000, 32);
    const double error = at::mse_loss(model_->forward(x), y).item<double>();
    if (split == runtime::Split::test) return {{"mse", faults_.test.value_or(error)}};
    if (faults_.val.empty()) return {{"mse", error}};
    return {{"mse", faults_.val.at(static_cast<std::size_t>(evaluations_++))}};
  }
  void save(const fs::path& folder) override {
    write_atomically(folder / "config.json", "{}\n");
    if (saves_++ == faults_.failing_save) throw std::runtime_error("the power went out");
    runtime::write_safetensors(folder / "model.safetensors", runtime::state_dict(*model_).entries());
  }
  void load(const fs::path& folder) override {
    runtime::load_strictly(*model_, runtime::open_tensors(folder / "model.safetensors"), folder.string());
  }
  std::vector<ReportSection> showcase() override { return {}; }

  static constexpr int64_t kBatches = 4;
  std::vector<int64_t> batches;  ///< asked for so far

 private:
  struct Net : torch::nn::Module {
    Net()
        : inner(register_module("inner", torch::nn::Linear(3, 8))),
          outer(register_module("outer", torch::nn::Linear(8, 1))) {}
    at::Tensor forward(const at::Tensor& x) {
      return outer->forward(at::dropout(at::tanh(inner->forward(x)), 0.2, is_training()));
    }
    torch::nn::Linear inner, outer;
  };

  static std::pair<at::Tensor, at::Tensor> samples(int64_t seed, int64_t count) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(seed));
    const auto x = at::randn({count, 3}, generator);
    return {x, x.sin().sum(1, true)};
  }

  inline static int64_t instances_ = 100;
  ToyFaults faults_;
  int64_t saves_ = 0, evaluations_ = 0;
  std::shared_ptr<Net> model_;
};

}  // namespace arzoo::test
