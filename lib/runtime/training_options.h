#pragma once

#include "core/options_among.h"

namespace arzoo::runtime {

/// Low-rank adaptation of a model that is otherwise frozen (Hu et al., LoRA, ICLR 2022).
struct LoraOptions {
  int64_t r = 0;
  double alpha = 16.0;
  double dropout = 0.0;
  std::vector<std::string> target_modules;

  static void fields(auto& o, auto& field) {
    field("r", o.r, between(0, 1e5), "rank of the update; 0: no LoRA, all weights are trained");
    field("alpha", o.alpha, more_than(0), "the update is scaled by alpha / r");
    field("dropout", o.dropout, from_below(0, 1), "probability of dropout on the update's input in training");
    field("target_modules", o.target_modules, {},
          "linear layers to adapt, by the ends of their names, as in \"self_attention.q\"");
  }
  void check() const {
    require(r == 0 || !target_modules.empty(), "target_modules is empty, expected the layers to adapt");
  }
};

/// The "training" section of a config: the one loop's settings, the same for all families. No torch in here.
/// Defaults are the recipe of the Autoformer / Informer / iTransformer scripts.
struct TrainingOptions {
  std::string init_from;
  std::vector<std::string> init_except;
  std::vector<std::string> trainable;
  LoraOptions lora;
  int64_t epochs = 10;
  std::optional<int64_t> max_steps;
  int64_t batch_size = 32;
  int64_t accumulation_steps = 1;
  std::string optimizer = "adam";
  double momentum = 0.0;
  double learning_rate = 1e-4;
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.0;
  std::optional<double> final_weight_decay;
  std::vector<std::string> no_weight_decay;
  std::string lradj = "type1";
  double min_learning_rate = 0.0;
  int64_t warmup_steps = 0;
  double warmup_start = 0.005;
  double pct_start = 0.3;
  double clip_grad_norm = 0.0;
  double clip_grad_value = 0.0;
  int64_t patience = 3;
  double ema_decay = 0.0;
  std::string shard = "none";
  std::string param_dtype = "fp32";
  bool master_weights = true;
  bool recompute = false;
  bool expert_parallel = false;
  int64_t log_every = 100;
  int64_t save_every = 0;

  // Products of these stay inside 64 bits.
  static constexpr double kMostEpochs = 1e6, kMostBatches = 1e6, kMostSteps = 1e12;

  static void fields(auto& o, auto& field) {
    field("init_from", o.init_from, a_path(),
          "run directory, model folder or weights file to start from, relative to the config file; empty for "
          "fresh weights");
    field("init_except", o.init_except, {},
          "names or modules that may be missing, additional or of another shape in init_from: they are "
          "initialised; * stands for any characters");
    field("trainable", o.trainable, {},
          "names or modules to train, as in \"encoders.*.forecast_head\"; the others are frozen; empty for "
          "all");
    field("lora", o.lora, {}, "train low-rank updates of some linear layers and nothing else");
    field("epochs", o.epochs, between(1, kMostEpochs), "passes over the training split");
    field("max_steps", o.max_steps, between(1, kMostSteps),
          "stop after this many optimiser steps, whatever the epoch");
    field("batch_size", o.batch_size, at_least(1), "windows (images, shapes, prompts) of one step");
    field("accumulation_steps", o.accumulation_steps, between(1, kMostBatches),
          "batches whose gradients are averaged into one step");
    field("optimizer", o.optimizer, one_of({"adam", "adamw", "sgd"}),
          "adam (L2 in the gradient), adamw (decoupled decay) or sgd (gradient descent, L2 in the gradient)");
    field("momentum", o.momentum, from_below(0, 1), "decay rate of sgd's sum of gradients; 0 keeps none");
    field("learning_rate", o.learning_rate, more_than(0), "learning rate before the schedule");
    field("betas", o.betas, from_below(0, 1), "decay rates of the first and second moment");
    field("eps", o.eps, more_than(0), "added to the root of the second moment");
    field("weight_decay", o.weight_decay, at_least(0), "weight decay");
    field("final_weight_decay", o.final_weight_decay, at_least(0),
          "weight decay at the end of the run, reached along a cosine; constant weight decay when not given");
    field("no_weight_decay", o.no_weight_decay, formerly("undecayed"),
          "names or modules without weight decay, as in \"*.bias\"");
    field(
        "lradj", o.lradj,
        one_of({"constant", "type1", "type2", "type3", "cosine", "linear", "one_cycle", "lin0", "lin",
                "lin00", "exp", "cos"}),
        "schedule: constant; type1 halves after each epoch from the second on; type2 and type3 are the "
        "tables of the "
        "Informer line and of the Time-Series-Library; cosine and linear fall to min_learning_rate over the "
        "run, "
        "per step; one_cycle is PyTorch's OneCycleLR: from a 25th of the learning rate up and down again, "
        "while "
        "Adam's first beta falls from 0.95 to 0.85 and rises again; lin0, lin, lin00, exp and cos are those "
        "of VAR's trainer: flat for 5, 15, 0, 15 and 0 % of "
        "the steps, then along a line, an exponential or a cosine to min_learning_rate");
    field("min_learning_rate", o.min_learning_rate, at_least(0),
          "learning rate at the end of a schedule per step");
    field("warmup_steps", o.warmup_steps, at_least(0), "steps of linear warm-up before the schedule");
    field("warmup_start", o.warmup_start, between(0, 1),
          "share of the learning rate that the warm-up of VAR's schedules begins with");
    field("pct_start", o.pct_start, between(0, 1), "share of the steps in which one_cycle rises");
    field("clip_grad_norm", o.clip_grad_norm, at_least(0), "largest gradient norm, 0 for no clipping");
    field("clip_grad_value", o.clip_grad_value, at_least(0),
          "largest magnitude of a gradient's number, 0 for no clipping");
    field("patience", o.patience, at_least(0), "epochs without improvement before stopping, 0 for never");
    field("ema_decay", o.ema_decay, from_below(0, 1),
          "decay of the averaged weights that are evaluated and saved, 0 for none");
    field("shard", o.shard, one_of({"none", "optimizer", "full"}),
          "what several processes keep parts of, to save memory: optimizer: the optimiser's moments, each "
          "process "
          "those of the parameters that it updates for all (ZeRO stage 1); full: weights, gradients and "
          "moments, a block's weights being gathered while it computes (ZeRO stage 3)");
    field("param_dtype", o.param_dtype, one_of({"fp32", "bf16"}),
          "type of the weights that the model computes with, of their gradients and of what processes send "
          "each other");
    field("master_weights", o.master_weights, {},
          "with param_dtype bf16: the optimiser keeps fp32 copies of the weights and fp32 moments; false: it "
          "updates the bf16 weights, with bf16 moments");
    field("recompute", o.recompute, {},
          "keep a block's input only and compute the block again in the backward pass: less memory, more "
          "time, the same numbers (activation checkpointing)");
    field("expert_parallel", o.expert_parallel, {},
          "with shard full: each process keeps some of the experts whole, and tokens travel to the processes "
          "that have theirs");
    field("log_every", o.log_every, at_least(1), "steps between two lines of metrics.jsonl");
    field("save_every", o.save_every, at_least(0),
          "steps between two saves of last/ within an epoch, 0 for none");
  }
  void check() const {
    require(betas.size() == 2, "betas must be two numbers, got {}", betas.size());
    require(min_learning_rate <= learning_rate, "min_learning_rate ({}) must not exceed learning_rate ({})",
            min_learning_rate, learning_rate);
    require(lradj != "exp" || min_learning_rate > 0, "the schedule exp needs a min_learning_rate above 0");
    require(lradj != "one_cycle" || warmup_steps == 0,
            "one_cycle has a warm-up of its own, warmup_steps must be 0");
    require(lora.r == 0 || trainable.empty(), "trainable and lora cannot be given together");
    require(momentum == 0.0 || optimizer == "sgd", "momentum is for the optimizer sgd, got {}", optimizer);
    require(optimizer != "sgd" || lradj != "one_cycle",
            "one_cycle moves Adam's first beta, expected another schedule for sgd");
    require(shard != "optimizer" || param_dtype == "fp32",
            "param_dtype {} needs shard none or full, got optimizer", param_dtype);
    require(!expert_parallel || shard == "full", "expert_parallel needs shard full, got {}", shard);
    require(master_weights || param_dtype != "fp32",
            "master_weights false is for param_dtype bf16: fp32 weights have no copies");
    require(init_except.empty() || !init_from.empty(), "init_except requires init_from");
  }
};

/// What an optimiser remembers of each parameter's gradients, by PyTorch's names; the moments are as large as
/// the parameter.
inline std::vector<std::string_view> moments_of(const TrainingOptions& options) {
  if (options.optimizer != "sgd") return {"exp_avg", "exp_avg_sq"};
  if (options.momentum > 0.0) return {"momentum_buffer"};
  return {};
}

/// The loop's settings of a run's resolved "training" section, which may have options of its family too.
inline TrainingOptions training_options(const Config& run) {
  return options_among<TrainingOptions>(run.at("training"));
}

}  // namespace arzoo::runtime
