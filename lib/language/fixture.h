#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/options_among.h"
#include "language/language_model.h"
#include "runtime/parity.h"
#include "runtime/training_replay.h"

/// What the replays of this family share.
namespace arzoo::language {

using runtime::ParityCase;
using runtime::ParityReport;

/// A number of the case's configuration, or `otherwise` where it has none under that pointer-like key
/// ("training.lr").
double real_number(const ParityCase& fixture, std::string_view key, double otherwise);
int64_t whole_number(const ParityCase& fixture, std::string_view key, int64_t otherwise);

/// Compares `value` where the case has an output of this name.
void check_if_listed(const std::string& name, const at::Tensor& value, const ParityCase& fixture,
                     ParityReport& report);
/// Compares the gradients of `loss` with the outputs "grad.<parameter>" that the case has, and clears them.
void check_gradients(const at::Tensor& loss, torch::nn::Module& model, const ParityCase& fixture,
                     ParityReport& report);
/// Compares each parameter's length with the output "norm.<parameter>" and its values with
/// "final.<parameter>", where the case has them.
void check_norms(const torch::nn::Module& model, const ParityCase& fixture, ParityReport& report);

/// The recipe of a case: AdamW with the numbers of its "training" section, or those given.
struct Recipe {
  double learning_rate = 1e-3, second_beta = 0.95, weight_decay = 0.0, clip = 0.0;
  std::string optimizer = "adamw";
};
/// Decay goes to tensors with two axes or more.
runtime::TrainingOptions training_options(const ParityCase& fixture, const Recipe& recipe,
                                          const torch::nn::Module& model);
/// Takes the case's steps on its rows batch0, batch1, … and compares "train_losses", "grad_norms" and the
/// norms afterwards.
void check_training(LanguageModel& model, const Recipe& recipe,
                    const std::function<runtime::Losses(int64_t step)>& loss, const ParityCase& fixture,
                    ParityReport& report);

/// A replay of one kind of case.
void replay_decoder_lm(const ParityCase& fixture, ParityReport& report);
void replay_tokenizer(const ParityCase& fixture, ParityReport& report);
void replay_primer(const ParityCase& fixture, ParityReport& report);
void replay_combiner(const ParityCase& fixture, ParityReport& report);
void replay_combiner_attention(const ParityCase& fixture, ParityReport& report);
void replay_ssa(const ParityCase& fixture, ParityReport& report);
void replay_structured(const ParityCase& fixture, ParityReport& report);
void replay_structured_maps(const ParityCase& fixture, ParityReport& report);
void replay_block_transformer(const ParityCase& fixture, ParityReport& report);
void replay_first(const ParityCase& fixture, ParityReport& report);
void replay_bert(const ParityCase& fixture, ParityReport& report);
void replay_byte_transformer(const ParityCase& fixture, ParityReport& report);
void replay_bert_layer(const ParityCase& fixture, ParityReport& report);
void replay_dense_sparse(const ParityCase& fixture, ParityReport& report);

}  // namespace arzoo::language
