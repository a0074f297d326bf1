#include "runtime/data_parallel.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <torch/csrc/distributed/c10d/reducer_timer.hpp>

#include "core/error.h"
#include "core/seeded_random.h"
#include "runtime/optimizer.h"
#include "runtime/process_group.h"
#include "runtime/sharded_parameters.h"

namespace arzoo::runtime {
namespace {

// PyTorch's DistributedDataParallel: a small first bucket starts to travel early.
constexpr std::size_t kFirstBucketBytes = std::size_t{1} << 20, kBucketBytes = std::size_t{25} << 20;

/// The parameters' numbers, bucket by bucket, in the order in which backward reaches them: the reverse of
/// their own.
std::vector<std::vector<std::size_t>> buckets_of(const std::vector<at::Tensor>& parameters) {
  const std::vector<at::Tensor> backwards(parameters.rbegin(), parameters.rend());
  std::vector<int64_t> places(parameters.size());
  std::iota(places.rbegin(), places.rend(), 0);
  return std::get<0>(c10d::compute_bucket_assignment_by_size(
      backwards, {kFirstBucketBytes, kBucketBytes}, std::vector<bool>(parameters.size(), false), places));
}

/// Drops LibTorch's advice to leave the search for unused parameters out: which ones a step uses may differ
/// from process to process.
class NoAdvice : public c10::WarningHandler {
  void process(const c10::Warning& /*warning*/) override {}
};

/// A reducer that tells the times it takes: of its first ten backward passes and of each hundredth.
class TimedReducer : public c10d::Reducer {
 public:
  using Reducer::Reducer;

  void prepare(const at::Tensor& loss) {
    prepare_for_forward();  // counts the passes
    prepare_for_backward({loss});
  }
  /// After a backward pass; the first one, which also fills caches, does not count.
  void add_times(MessageTimes& times) {
    using Event = c10d::Timer::Event;
    constexpr double kNanosecond = 1e-9;
    if (passes_++ == 0 || !timer_ || !should_collect_runtime_stats()) return;
    const auto since_start = [&](Event event) {
      return timer_->measureDifference(Event::kBackwardComputeStart, event);
    };
    const auto backward_end = since_start(Event::kBackwardComputeEnd),
               begin = since_start(Event::kBackwardCommStart), end = since_start(Event::kBackwardCommEnd);
    if (!backward_end || !begin || !end) return;
    times.add(kNanosecond * static_cast<double>(*backward_end), kNanosecond * static_cast<double>(*begin),
              kNanosecond * static_cast<double>(*end));
  }

 private:
  int64_t passes_ = 0;
};

/// Tells whether tensors were written to since it was last asked.
class ChangedTensors {
 public:
  explicit ChangedTensors(std::vector<at::Tensor> tensors) : tensors_(std::move(tensors)) { changed(); }

  std::vector<at::Tensor> changed() {
    std::vector<at::Tensor> result;
    marks_.resize(tensors_.size());
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const int64_t version = tensors_[i].is_inference() ? 0 : tensors_[i]._version();
      const Mark mark{tensors_[i].const_data_ptr(), version};
      if (mark == marks_[i]) continue;
      marks_[i] = mark;
      result.push_back(tensors_[i]);
    }
    return result;
  }

 private:
  using Mark = std::pair<const void*, int64_t>;
  std::vector<at::Tensor> tensors_;
  std::vector<Mark> marks_;
};

std::vector<at::Tensor> buffers_of(const torch::nn::Module& model) {
  std::vector<at::Tensor> defined;
  for (const auto& buffer : model.buffers()) {
    if (buffer.defined() && buffer.numel() > 0) defined.push_back(buffer);
  }
  return defined;
}

std::vector<at::Tensor> tensors_of(const torch::nn::Module& model) {
  auto all = buffers_of(model);
  for (const auto& parameter : model.parameters()) {
    if (parameter.defined() && parameter.numel() > 0) all.push_back(parameter);
  }
  return all;
}

std::shared_ptr<TimedReducer> reducer_of(ProcessGroup& group, const std::vector<at::Tensor>& parameters) {
  return std::make_shared<TimedReducer>(
      parameters, buckets_of(parameters), group.native(), std::vector<bool>(parameters.size(), false),
      static_cast<int64_t>(kBucketBytes), /*find_unused_parameters=*/true,
      /*gradient_as_bucket_view=*/true, std::unordered_map<std::size_t, std::string>(),
      static_cast<int64_t>(kFirstBucketBytes), /*skip_all_reduce_unused_params=*/false,
      /*use_python_reducer=*/false, std::vector<int64_t>());
}

}  // namespace

struct DataParallel::State {
  State(ProcessGroup& of, const torch::nn::Module& model, const std::vector<at::Tensor>& parameters,
        ShardedParameters* sharded_parameters)
      : group(of),
        sharded(sharded_parameters),
        seed(at::detail::getDefaultCPUGenerator().current_seed()),
        tensors(sharded == nullptr ? tensors_of(model) : buffers_of(model)),
        weights(tensors),
        buffers(buffers_of(model)) {
    if (sharded == nullptr) reducer = reducer_of(group, parameters);
  }

  ProcessGroup& group;
  ShardedParameters* sharded;
  uint64_t seed;
  std::vector<at::Tensor> tensors;
  ChangedTensors weights, buffers;
  std::shared_ptr<TimedReducer> reducer;
  MessageTimes times;
};

DataParallel::DataParallel(ProcessGroup& group, torch::nn::Module& model, std::vector<at::Tensor> parameters,
                           ShardedParameters* sharded) {
  state_ = std::make_unique<State>(group, model, parameters, sharded);
  share_weights();
}

DataParallel::~DataParallel() = default;

void DataParallel::share_updates(const Optimizer& optimizer) {
  if (state_->sharded != nullptr) state_->sharded->end_step();
  const auto& owners = optimizer.owners();
  if (owners.empty()) return;
  const torch::NoGradGuard no_grad;
  for (int64_t owner = 0; owner < state_->group.world(); ++owner) {
    std::vector<at::Tensor> parameters;
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (owners[i] == owner) parameters.push_back(optimizer.parameters()[i].detach());
    }
    state_->group.broadcast_together(parameters, owner);
  }
}

DataParallel::JointLoss DataParallel::joint(double loss, double samples, bool stop) {
  const auto sums = state_->group.sum({samples, samples * loss, stop ? 1.0 : 0.0});
  const auto world = static_cast<double>(state_->group.world());
  const double all = sums[0] > 0.0 ? sums[0] : 1.0;  // no cell of the batch may count
  return {sums[1] / all, samples * world / all, sums[2] > 0.0};
}

void DataParallel::backward(const at::Tensor& loss, bool last) {
  NoAdvice handler;
  const c10::WarningUtils::WarningHandlerGuard silent(&handler);
  try {
    if (last && state_->reducer) state_->reducer->prepare(loss);
    loss.backward();
    if (last && state_->reducer) state_->reducer->add_times(state_->times);
  } catch (const std::exception&) {
    state_->group.rethrow();
  }
  if (state_->sharded == nullptr) return;
  state_->sharded->finish_backward();
  if (last) state_->sharded->finish_step();
}

void DataParallel::prepare(int64_t batch, const std::function<void()>& change) {
  const auto rank = static_cast<uint64_t>(state_->group.rank());
  torch::manual_seed(stream_seed(state_->seed, static_cast<uint64_t>(batch), rank));
  state_->weights.changed();
  if (state_->sharded != nullptr)
    state_->sharded->follow_first(change);
  else
    change();
  const torch::NoGradGuard no_grad;
  for (const auto& tensor : state_->weights.changed()) state_->group.broadcast(tensor.detach());
}

std::unique_ptr<OperatorWatch> DataParallel::watch() {
  return state_->sharded == nullptr ? nullptr : state_->sharded->watch();
}

void DataParallel::share_weights() {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> all;
  for (const auto& tensor : state_->tensors) all.push_back(tensor.detach());
  state_->group.broadcast_together(all);
}

void DataParallel::average_buffers() {
  const torch::NoGradGuard no_grad;
  for (const auto& buffer : state_->buffers.changed()) {
    if (!buffer.is_floating_point()) continue;  // counts of steps are the same everywhere
    state_->group.sum(buffer);
    at::Tensor(buffer).div_(static_cast<double>(state_->group.world()));
  }
  state_->buffers.changed();
}

const MessageTimes& DataParallel::message_times() const { return state_->times; }

Metrics joint_means(ProcessGroup& group, const Metrics& values, double samples) {
  std::vector<double> sums{samples};
  for (const auto& [name, value] : values) sums.push_back(samples * value);
  sums = group.sum(sums);
  Metrics means = values;
  for (std::size_t i = 0; i < means.size(); ++i) means[i].second = sums[i + 1] / sums[0];
  return means;
}

}  // namespace arzoo::runtime
