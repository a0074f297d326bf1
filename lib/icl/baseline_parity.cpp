#include <torch/torch.h>

#include "core/ascii.h"
#include "icl/baselines.h"
#include "icl/fixture.h"

namespace arzoo::icl {
namespace {

/// The number that a name ends in, as in "lasso_0.01".
double number_after(const std::string& name, const std::string& prefix) {
  return std::stod(name.substr(prefix.size()));
}

/// The algorithm of an output's name; none for one that is no algorithm's.
Algorithm algorithm_called(const std::string& name) {
  if (name == "ols" || name == "lstsq") return least_squares();
  if (name == "averaging" || name == "lstsq_const_sigma") return averaging();
  for (const std::string_view prefix : {"nn", "knn"}) {  // "nn3", "knn5_distance"
    if (name.starts_with(prefix) && name.size() > prefix.size() && is_digit(name[prefix.size()]))
      return nearest_neighbours(std::stoll(name.substr(prefix.size())), name.ends_with("_distance"));
  }
  if (name.starts_with("ridge_")) return ridge(number_after(name, "ridge_"));
  if (name.starts_with("lasso_")) return lasso(number_after(name, "lasso_"));
  if (name == "tree_None") return greedy_tree(0);
  if (name.starts_with("tree_")) return greedy_tree(std::llrint(number_after(name, "tree_")));
  if (name.starts_with("sgd_")) {
    GradientDescentOptions options;
    options.learning_rate = number_after(name, "sgd_");
    options.full_passes = name.find("_full") != std::string::npos;
    const auto decay = name.find("_wd");
    if (decay != std::string::npos) options.weight_decay = std::stod(name.substr(decay + 3));
    return gradient_descent_learner(options);
  }
  return {};
}

/// The official greedy trees break ties at random: their errors are comparable in the mean alone.
void check_tree(const std::string& name, const at::Tensor& predicted, const at::Tensor& ys,
                const ParityCase& fixture, ParityReport& report) {
  constexpr runtime::Tolerance kOfTheMean{0.2, 0.0};
  const auto mean_error = [&](const at::Tensor& values) {
    return (values - ys).square().mean().item<double>();
  };
  report.check_value(name, mean_error(predicted), mean_error(fixture.io.at(name)), kOfTheMean);
  report.check_value(name + ".mse", mean_error(predicted), fixture.io.at(name + ".mse").mean().item<double>(),
                     kOfTheMean);
}

void check_network(const ParityCase& fixture, ParityReport& report) {
  const auto &xs = fixture.input("xs"), &ys = fixture.input("ys"), &lengths = fixture.input("nn_inds");
  std::vector<at::Tensor> predicted;
  for (int64_t i = 0; i < lengths.size(0); ++i) {
    const auto length = lengths[i].item<int64_t>();
    if (length == 0) {
      predicted.push_back(at::zeros({xs.size(0)}));
      continue;
    }
    const auto initial = [&](const char* name) {
      return fixture.input(fmt::format("nn_init.{}.net.{}", length, name));
    };
    const NetworkWeights start{initial("0.weight"), initial("0.bias"), initial("2.weight"),
                               initial("2.bias")};
    predicted.push_back(
        trained_network(xs.narrow(1, 0, length), ys.narrow(1, 0, length), xs.select(1, length), start, {}));
  }
  report.check("nn_adam", at::stack(predicted, 1));
}

}  // namespace

void replay_baselines(const ParityCase& fixture, ParityReport& report) {
  const auto &xs = fixture.input("xs"), &ys = fixture.input("ys");
  for (const auto& name : fixture.output_names()) {
    if (name.ends_with(".mse")) continue;
    const auto algorithm = algorithm_called(name);
    if (!algorithm) continue;
    const auto predicted = predict_online(algorithm, xs, ys);
    if (name.starts_with("tree_")) {
      check_tree(name, predicted, ys, fixture, report);
      continue;
    }
    report.check(name, predicted);
    report.check(name + ".mse", (predicted - ys).square().mean(0));
  }
  if (fixture.io.contains("nn_adam")) check_network(fixture, report);
}

void replay_akyurek_algorithms(const ParityCase& fixture, ParityReport& report) {
  const auto& xs = fixture.input("xs");
  const auto ys = fixture.input("ys").squeeze(-1);
  const auto asked = [](const at::Tensor& values) { return values.narrow(1, 1, values.size(1) - 1); };
  for (const auto& name : fixture.output_names()) {
    if (name.ends_with(".mse")) continue;
    const auto algorithm = algorithm_called(name);
    if (!algorithm) continue;
    const auto predicted = asked(predict_online(algorithm, xs, ys));
    report.check(name, predicted);
    report.check(name + ".mse", (predicted - asked(ys)).square().mean(0));
  }
}

}  // namespace arzoo::icl
