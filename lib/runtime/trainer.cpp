#include "runtime/trainer.h"

#include <torch/torch.h>

#include <chrono>
#include <cmath>

#include "runtime/autocast.h"
#include "runtime/early_stopping.h"
#include "runtime/flat_unit.h"
#include "runtime/lr_schedule.h"
#include "runtime/parameter_count.h"
#include "runtime/process_group.h"

namespace arzoo::runtime {
namespace {

double megabytes(int64_t bytes) { return static_cast<double>(bytes) / 1e6; }

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The parts and statistics of a step.
Metrics details_of(const Losses& losses) {
  Metrics values;
  for (const auto& [name, part] : losses.parts) values.emplace_back(name, part.item<double>());
  if (!losses.statistics) return values;
  for (const auto& statistic : losses.statistics()) values.push_back(statistic);
  return values;
}

/// The first process's numbers for all of them, to the bit.
void share(ProcessGroup& group, Metrics& metrics) {
  auto values = at::zeros({static_cast<int64_t>(metrics.size())}, at::kDouble);
  auto* data = values.mutable_data_ptr<double>();
  for (std::size_t i = 0; i < metrics.size(); ++i) data[i] = metrics[i].second;
  if (!metrics.empty()) group.broadcast(values);
  for (std::size_t i = 0; i < metrics.size(); ++i) metrics[i].second = data[i];
}

std::optional<ShardedParameters> shared_out(torch::nn::Module& model, const TrainingOptions& options,
                                            const Compute& compute) {
  if (options.shard != "full" || !compute.group) return std::nullopt;
  const auto type = options.param_dtype == "bf16" ? at::kBFloat16 : at::kFloat;
  return std::optional<ShardedParameters>(std::in_place, model, *compute.group,
                                          ShardPrecision{type, options.master_weights},
                                          options.expert_parallel);
}

/// A number that is not finite would stay the best for ever, and be null in the log.
void require_finite(const NamedValues& values, int64_t step, std::string_view where = "") {
  for (const auto& [name, value] : values) {
    if (std::isfinite(value)) continue;
    fail<SystemFailure>("step {}: {}{} is {} (try a smaller learning_rate or clip_grad_norm)", step, name,
                        where, value);
  }
}

}  // namespace

Trainer::Trainer(Experiment& experiment, const TrainingOptions& options, const Compute& compute,
                 const RunDir* run, Progress& progress, const std::atomic<bool>& stop)
    : experiment_(experiment),
      options_(options),
      compute_(compute),
      run_(run),
      progress_(progress),
      stop_(stop),
      sharded_(shared_out(experiment.model(), options, compute)),
      optimizer_(experiment.model(), options, compute.share,
                 sharded_ ? sharded_->parts() : std::vector<at::Tensor>()),
      average_(optimizer_.parameters(), options.ema_decay) {
  if (options_.param_dtype == "bf16") compute_.dtype = at::kBFloat16;
  if (sharded_) optimizer_.set_joint_squares([this](double own) { return sharded_->sum(own); });
}

int64_t Trainer::steps_per_epoch() const {
  return std::max<int64_t>(1, experiment_.batches_per_epoch() / options_.accumulation_steps);
}

int64_t Trainer::total_steps() const {
  const int64_t all = options_.epochs * steps_per_epoch();
  return options_.max_steps ? std::min(all, *options_.max_steps) : all;
}

int64_t Trainer::steps_of(double share) const {
  const auto all = total_steps(), epoch = steps_per_epoch();
  const auto steps =
      std::clamp<int64_t>(static_cast<int64_t>(std::ceil(share * static_cast<double>(all))), 1, all);
  return steps < epoch ? steps : std::min(all, (steps + epoch - 1) / epoch * epoch);
}

TrainSummary Trainer::fit(bool resume, double share) {
  const auto start = std::chrono::steady_clock::now();
  // Restoring it leaves the generator with the seed of the last step's random numbers, of which several
  // processes have streams of their own from the seed of the run (DataParallel::prepare).
  const auto seed = at::detail::getDefaultCPUGenerator().current_seed();
  if (resume) restore_last();
  if (compute_.group) torch::manual_seed(seed);
  const auto state = state_bytes();
  if (sharded_ || !optimizer_.owners().empty())
    progress_.note(fmt::format("training state of {:.4g} MB in this process, {:.4g} MB in a single one{}",
                               megabytes(state.own), megabytes(state.single),
                               sharded_ ? fmt::format(" ({} units)", sharded_->units()) : ""));
  if (compute_.group)
    parallel_.emplace(*compute_.group, experiment_.model(), optimizer_.model_parameters(),
                      sharded_ ? &*sharded_ : nullptr);
  if (run_ != nullptr) {
    log_.emplace(run_->metrics(), state_.step);
    events_.emplace(run_->path(), state_.step + 1, wall_time());
  }
  const int64_t rest = steps_of(share);
  while (!state_.finished && state_.step < rest) {
    train_epoch(rest);
    const bool gained = validate();
    state_.finished = is_finished();
    // The best model is on disk before the state that says so: a crash between the two costs an epoch, never
    // a model.
    if (gained)
      with_weights([&] {
        in_first([&] { run_->save_model([&](const auto& folder) { experiment_.save(folder); }); });
      });
    save_last();
    stop_if_asked();
  }
  in_first(LoneWork::changes_weights, [&] { experiment_.load(run_->model()); });
  if (parallel_) parallel_->share_weights();
  TrainSummary summary;
  if (parallel_) summary.messages = parallel_->message_times();
  summary.state = state;
  summary.steps = state_.step;
  summary.epochs = state_.epoch;
  summary.finished = state_.finished;
  summary.best_epoch = state_.best_epoch;
  summary.best_val = best_val_;
  summary.test = evaluate(Split::test);
  require_finite(summary.test, state_.step, " of the test split");
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return summary;
}

void Trainer::in_first(LoneWork kind, const std::function<void()>& work) {
  const torch::NoGradGuard no_grad;
  if (sharded_)
    sharded_->in_first(kind, work);
  else if (run_ != nullptr)
    work();
}

StateBytes Trainer::state_bytes() const {
  const auto parameters = count_parameters(experiment_.model());
  const int64_t kept = options_.param_dtype == "bf16" && !options_.master_weights ? 2 : 4,
                weight = options_.param_dtype == "bf16" ? 2 : 4;
  const auto moments = static_cast<int64_t>(moments_of(options_).size()) * kept;
  const int64_t copies = kept == weight ? 0 : kept;
  const int64_t frozen = (parameters.all - parameters.trained) * 4;
  StateBytes bytes;
  bytes.single = frozen + parameters.trained * (2 * weight + copies + moments);
  if (sharded_) {
    bytes.own = sharded_->kept_bytes() + sharded_->gathered_bytes();
  } else {
    bytes.own = frozen + parameters.trained * (2 * weight + copies);
  }
  for (const auto& moment : optimizer_.state().moments) {
    for (const auto& value : moment.values)
      bytes.own += value.defined() ? static_cast<int64_t>(value.nbytes()) : 0;
  }
  return bytes;
}

bool Trainer::is_finished() const {
  return is_out_of_patience(state_, options_.patience) || state_.step >= total_steps();
}

void Trainer::train_epoch(int64_t rest) {
  const int64_t last = std::min({(state_.epoch + 1) * steps_per_epoch(), total_steps(), rest});
  const int64_t first = state_.epoch * steps_per_epoch();
  experiment_.model().train();
  progress_.begin(fmt::format("epoch {}/{}", state_.epoch + 1, options_.epochs), last - first,
                  state_.step - first);
  while (state_.step < last) {
    const double rate = learning_rate(options_, state_.step, steps_per_epoch(), total_steps());
    optimizer_.set_first_beta(first_beta(options_, state_.step, total_steps()));
    optimizer_.set_weight_decay(weight_decay(options_, state_.step, total_steps()));
    const auto losses = training_step(experiment_, optimizer_, options_, compute_, state_.step, rate,
                                      parallel_ ? &*parallel_ : nullptr, stop_.load());
    group_stops_ = losses.stop;
    average_.update();
    ++state_.step;
    state_.loss_sum += losses.mean;
    ++state_.loss_steps;
    state_.log_sum += losses.mean;
    progress_.step({{"loss", losses.mean}});
    if (state_.step % options_.log_every == 0) log_step(losses, rate);
    // After an epoch's last step the validation saves, with its line of the log.
    if (state_.step == last) break;
    if (options_.save_every > 0 && state_.step % options_.save_every == 0) save_last();
    stop_if_asked();
  }
  progress_.end();
}

void Trainer::log_step(const StepLosses& losses, double rate) {
  NamedValues values{{"loss", state_.log_sum / static_cast<double>(options_.log_every)},
                     {"learning_rate", rate}};
  auto details = details_of(losses.last);
  if (compute_.group) details = joint_means(*compute_.group, details, losses.last.samples);
  values.insert(values.end(), details.begin(), details.end());
  log_line(state_.epoch + 1, values);
  state_.log_sum = 0.0;
}

Metrics Trainer::evaluate(Split split) {
  // bf16 weights meet fp32 inputs.
  const Autocast autocast(compute_.device.type(),
                          options_.param_dtype == "bf16" ? at::kBFloat16 : at::kFloat);
  const auto measure = [&] { return experiment_.evaluate(split); };
  auto metrics = sharded_ ? sharded_->unit_by_unit(measure) : measure();
  if (compute_.group) share(*compute_.group, metrics);
  return metrics;
}

bool Trainer::validate() {
  const double train_loss = state_.loss_sum / static_cast<double>(state_.loss_steps);
  const auto metrics = with_weights([&] { return evaluate(Split::val); });
  require_finite(metrics, state_.step, " of the validation split");
  ++state_.epoch;
  state_.loss_sum = 0.0;
  state_.loss_steps = 0;
  const bool gained = note_validation(metrics, state_, best_val_);
  NamedValues values{{"train_loss", train_loss}};
  std::string text = fmt::format("epoch {}: train {:.4f}", state_.epoch, train_loss);
  for (const auto& [name, value] : metrics) {
    values.emplace_back("val_" + name, value);
    text += fmt::format(", val {} {:.4f}", name, value);
  }
  log_line(state_.epoch, values);
  progress_.note(text +
                 (gained ? ", best so far" : fmt::format(", no gain for {}", state_.epochs_without_gain)));
  return gained;
}

void Trainer::log_line(int64_t epoch, const NamedValues& values) {
  require_finite(values, state_.step);
  if (run_ == nullptr) return;
  Json line{{"step", state_.step}, {"epoch", epoch}};
  for (const auto& [name, value] : values) line[name] = value;
  log_->append(line);
  events_->add(state_.step, values, wall_time());
}

void Trainer::save_last() {
  const auto tensors = whole_state(optimizer_, average_.values(),
                                   {compute_.group.get(), sharded_ ? &*sharded_ : nullptr}, run_ != nullptr);
  in_first([&] {
    run_->save_last([&](const auto& folder) {
      experiment_.save(folder);
      save_train_state(folder, {state_, best_val_}, experiment_.model(), tensors);
    });
  });
}

void Trainer::check_resumable() const { require_room_for(read_train_state(run_->last()).state); }

void Trainer::require_room_for(const TrainState& state) const {
  if (state.step <= total_steps()) return;
  const int64_t begun = (state.step + steps_per_epoch() - 1) / steps_per_epoch();
  const bool by_epochs = begun > options_.epochs;
  const auto done =
      by_epochs ? fmt::format("begun {} epochs", begun) : fmt::format("done {} steps", state.step);
  const auto given = by_epochs ? fmt::format("epochs is {}", options_.epochs)
                               : fmt::format("max_steps is {}", options_.max_steps.value());
  fail<UsageError>("{}: has {}, but training.{} (give at least {}, or another folder with --out)",
                   run_ == nullptr ? "the run" : run_->path().string(), done, given,
                   by_epochs ? begun : state.step);
}

/// What the state on disk is put into: this process's own, or of what it keeps parts of, views of the file.
TrainTensors Trainer::restored_tensors() {
  const auto masters = optimizer_.has_masters() ? optimizer_.parameters() : std::vector<at::Tensor>();
  if (!sharded_ && optimizer_.owners().empty()) return {optimizer_.state(), average_.values(), masters};
  const auto views = [&](at::ScalarType type) {
    std::vector<at::Tensor> whole;
    for (const auto& parameter : optimizer_.model_parameters()) {
      whole.push_back(at::empty(parameter.sizes(), at::TensorOptions(type)));
      free_memory(whole.back());
    }
    return whole;
  };
  const auto type = optimizer_.parameters().front().scalar_type();
  TrainTensors tensors{{}, average_.values(), masters};
  for (const auto& moment : optimizer_.state().moments)
    tensors.optimizer.moments.push_back({moment.name, views(type)});
  for (std::size_t i = 0; i < optimizer_.model_parameters().size(); ++i)
    tensors.optimizer.steps.push_back(at::zeros({}, at::kFloat));
  if (!sharded_) return tensors;
  if (!average_.empty()) tensors.average = views(type);
  if (sharded_->has_masters()) tensors.masters = views(at::kFloat);
  return tensors;
}

void Trainer::restore_last() {
  SavedState saved;
  TrainTensors whole;
  in_first(LoneWork::changes_weights, [&] {
    whole = restored_tensors();
    saved = load_train_state(run_->last(), experiment_.model(), whole);
  });
  if (compute_.group)
    share_train_state({compute_.group.get(), sharded_ ? &*sharded_ : nullptr}, saved, whole, optimizer_,
                      average_.values());
  require_room_for(saved.state);
  state_ = std::move(saved.state);
  best_val_ = std::move(saved.best_val);
  if (!state_.finished) {
    // Between two epochs: it may have been given no more than it has done.
    state_.finished = state_.loss_steps == 0 && is_finished();
    // It may have rested within an epoch, which is then not behind it.
    if (state_.loss_steps == 0) state_.epoch = state_.step / steps_per_epoch();
  } else if (!is_finished()) {
    // The run was given more steps: it goes on where it ended, within an epoch if max_steps had cut one
    // short.
    state_.finished = false;
    state_.epoch = state_.step / steps_per_epoch();
  }
}

void Trainer::stop_if_asked() {
  if (!(parallel_ ? group_stops_ : stop_.load()) || state_.finished) return;
  progress_.end();
  save_last();
  fail<Interrupted>("interrupted at step {}, state saved (continue with --resume)", state_.step);
}

}  // namespace arzoo::runtime
