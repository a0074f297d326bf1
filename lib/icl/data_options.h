#pragma once

#include "icl/curriculum.h"

/// The "data" and "evaluation" sections of an in-context learner's config. All data are generated on the fly:
/// a batch is a function of the seed and its number. No torch in here.
namespace arzoo::icl {

/// Prompts x_1, f(x_1), x_2, … of functions f from one class (Garg et al. 2022).
struct FunctionOptions {
  std::string task = "linear_regression";
  int64_t n_dims = 20;
  int64_t n_points = 41;
  double scale = 1.0;
  double noise_std = 0.0;
  bool renormalize_ys = false;
  int64_t sparsity = 3;
  int64_t hidden_layer_size = 100;
  int64_t depth = 4;
  CurriculumOptions curriculum;

  static void fields(auto& o, auto& field) {
    field("task", o.task,
          one_of({"linear_regression", "sparse_linear_regression", "linear_classification",
                  "quadratic_regression", "relu_2nn_regression", "decision_tree"}),
          "class of functions");
    field("n_dims", o.n_dims, between(1, 4096), "coordinates of x");
    field("n_points", o.n_points, between(2, 4096), "points of a prompt");
    field("scale", o.scale, more_than(0), "factor of a linear or quadratic function");
    field("noise_std", o.noise_std, at_least(0), "standard deviation of the noise on y");
    field("renormalize_ys", o.renormalize_ys, {}, "rescale noisy ys to a variance of n_dims");
    field("sparsity", o.sparsity, between(1, 4096), "coordinates that a sparse function depends on");
    field("hidden_layer_size", o.hidden_layer_size, between(1, 65536), "hidden units of a two-layer network");
    field("depth", o.depth, between(1, 16), "depth of a decision tree");
    field("curriculum", o.curriculum, {}, "small prompts first");
  }
  void check() const {
    require(sparsity <= n_dims, "sparsity ({}) must not exceed n_dims ({})", sparsity, n_dims);
    require(
        task != "sparse_linear_regression" || curriculum.dims.start == 0 || curriculum.dims.start >= sparsity,
        "curriculum.dims.start ({}) must reach sparsity ({})", curriculum.dims.start, sparsity);
  }
};

/// Regression prompts of one query (von Oswald et al. 2023).
struct RegressionOptions {
  std::string task = "linear";
  int64_t input_size = 10;
  int64_t dataset_size = 10;
  int64_t size_distract = 0;
  double input_range = 1.0;
  double weight_scale = 1.0;
  bool classic_token_const = false;

  static void fields(auto& o, auto& field) {
    field("task", o.task, one_of({"linear", "sine"}), "linear functions, or sines of one input");
    field("input_size", o.input_size, between(1, 1024), "coordinates of x");
    field("dataset_size", o.dataset_size, between(1, 4096), "points before the query");
    field("size_distract", o.size_distract, between(0, 4096), "points whose y is noise");
    field("input_range", o.input_range, more_than(0), "x is uniform within half of this around 0");
    field("weight_scale", o.weight_scale, more_than(0), "standard deviation of the weights");
    field("classic_token_const", o.classic_token_const, {}, "x and y are tokens of their own");
  }
  void check() const {
    require(size_distract <= dataset_size, "size_distract ({}) must not exceed dataset_size ({})",
            size_distract, dataset_size);
    require(task == "linear" || input_size == 1, "a sine has input_size 1, got {}", input_size);
    require(task == "linear" || !classic_token_const, "a sine's x and y share a token");
  }
  /// Width and number of the tokens of a prompt.
  int64_t token_width() const { return classic_token_const ? input_size : input_size + 1; }
  int64_t tokens() const { return classic_token_const ? 2 * dataset_size + 1 : dataset_size + 1; }
};

/// Sequences x_{t+1} = W x_t + noise with a rotation W of their own (von Oswald et al., Uncovering
/// mesa-optimization, 2023).
struct DynamicsOptions {
  int64_t data_dim = 10;
  int64_t seq_len = 50;
  double range = 1.0;
  double noise = 0.0;
  double data_clip = 10.0;

  static void fields(auto& o, auto& field) {
    field("data_dim", o.data_dim, between(1, 512), "coordinates of a state");
    field("seq_len", o.seq_len, between(2, 4096), "states of a sequence that are seen");
    field("range", o.range, more_than(0), "the first state is uniform within this around 0");
    field("noise", o.noise, at_least(0), "standard deviation of the noise on a state");
    field("data_clip", o.data_clip, more_than(0), "largest coordinate of a state");
  }
};

/// Paths in one random directed acyclic graph (ALPINE, Wang et al. 2024).
struct GraphOptions {
  int64_t num_nodes = 100;
  double edge_prob = 0.1;
  double chance_in_train = 0.5;
  int64_t num_of_paths = 20;

  static void fields(auto& o, auto& field) {
    field("num_nodes", o.num_nodes, between(2, 2000), "nodes of the graph");
    field("edge_prob", o.edge_prob, between(0, 1), "probability of each edge");
    field("chance_in_train", o.chance_in_train, between(0, 1),
          "probability that a pair without an edge is trained on");
    field("num_of_paths", o.num_of_paths, between(1, 1000), "random walks per pair that is trained on");
  }
  void check() const {
    constexpr int64_t kMostRows = 2000000;
    const int64_t rows = num_nodes * (num_nodes - 1) / 2 * (num_of_paths + 1);
    require(rows <= kMostRows,
            "num_nodes ({}) and num_of_paths ({}) ask for up to {} rows, at most {} expected", num_nodes,
            num_of_paths, rows, kMostRows);
  }
};

struct DataOptions {
  int64_t batches_per_epoch = 1000;
  FunctionOptions functions;
  RegressionOptions regression;
  DynamicsOptions dynamics;
  GraphOptions graph;

  static void fields(auto& o, auto& field) {
    field("batches_per_epoch", o.batches_per_epoch, between(1, 1e6), "batches between two validations");
    field("functions", o.functions, {}, "options of garg_gpt2 and akyurek_causal_lm");
    field("regression", o.regression, {}, "options of vonoswald_transformer");
    field("dynamics", o.dynamics, {}, "options of mesa_transformer");
    field("graph", o.graph, {}, "options of alpine_nanogpt");
  }
};

struct EvaluationOptions {
  int64_t tasks = 1280;
  int64_t batch_size = 64;

  static void fields(auto& o, auto& field) {
    field("tasks", o.tasks, between(2, 1e6), "number of prompts of a split that is evaluated");
    field("batch_size", o.batch_size, between(1, 1e6), "prompts at once");
  }
};

}  // namespace arzoo::icl
