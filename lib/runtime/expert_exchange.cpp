#include "runtime/expert_exchange.h"

#include <torch/torch.h>

#include <numeric>

#include "core/error.h"
#include "runtime/process_group.h"

namespace arzoo::runtime {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rows that travel; their gradients travel back.
class ExchangedRows : public torch::autograd::Function<ExchangedRows> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows, ProcessGroup* group,
                            const std::vector<int64_t>& sent, const std::vector<int64_t>& received) {
    context->saved_data["group"] = reinterpret_cast<int64_t>(group);
    context->saved_data["sent"] = sent;
    context->saved_data["received"] = received;
    return group->exchanged(rows, sent, received);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto* group = reinterpret_cast<ProcessGroup*>(context->saved_data["group"].toInt());
    return {group->exchanged(gradients[0], context->saved_data["received"].toIntVector(),
                             context->saved_data["sent"].toIntVector()),
            at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/// counts [processes, experts] on the CPU: of one row, the sum over a share of the experts.
int64_t sum_of(const at::Tensor& counts, int64_t row, const Share& share) {
  const int64_t experts = counts.size(1);
  return counts[row].narrow(0, share.first(experts), share.size(experts)).sum().item<int64_t>();
}

}  // namespace

std::vector<ExpertLayer*> expert_layers(const torch::nn::Module& model) {
  std::vector<ExpertLayer*> layers;
  for (const auto& module : model.modules()) {
    if (auto* layer = dynamic_cast<ExpertLayer*>(module.get())) layers.push_back(layer);
  }
  return layers;
}

UnitOwners expert_owners(const std::vector<ExpertLayer*>& layers, int64_t processes) {
  if (layers.empty())
    fail<ConfigError>("training.expert_parallel: this model has no experts (set it to false)");
  UnitOwners owners;
  for (const auto* layer : layers) {
    const auto experts = layer->expert_modules();
    const auto count = static_cast<int64_t>(experts.size());
    for (int64_t process = 0; process < processes; ++process) {
      const Share share{process, processes};
      for (int64_t e = share.first(count); e < share.first(count) + share.size(count); ++e)
        owners[experts[static_cast<std::size_t>(e)].get()] = process;
    }
  }
  return owners;
}

ExpertExchange::ExpertExchange(ProcessGroup& group, const std::vector<int64_t>& counts)
    : group_(group), own_{group.rank(), group.world()} {
  const auto experts = static_cast<int64_t>(counts.size());
  auto all = at::zeros({group.world(), experts}, at::kLong);
  all[group.rank()].copy_(at::tensor(counts, at::kLong));
  group.sum(all);
  for (int64_t process = 0; process < group.world(); ++process) {
    sent_.push_back(sum_of(all, group.rank(), {process, group.world()}));
    received_.push_back(sum_of(all, process, own_));
  }
  const int64_t first = own_.first(experts);
  std::vector<int64_t> order, next(received_.size());  // where each process's next rows lie
  std::exclusive_scan(received_.begin(), received_.end(), next.begin(), int64_t{0});
  for (int64_t e = first; e < first + own_.size(experts); ++e) {
    own_counts_.push_back(0);
    for (std::size_t process = 0; process < next.size(); ++process) {
      const auto rows = all[static_cast<int64_t>(process)][e].item<int64_t>();
      for (int64_t i = 0; i < rows; ++i) order.push_back(next[process]++);
      own_counts_.back() += rows;
    }
  }
  by_expert_ = at::tensor(order, at::kLong);
  by_process_ = at::argsort(by_expert_);
}

at::Tensor ExpertExchange::to_owners(const at::Tensor& rows) const {
  return ExchangedRows::apply(rows, &group_, sent_, received_);
}

at::Tensor ExpertExchange::from_owners(const at::Tensor& rows) const {
  return ExchangedRows::apply(rows, &group_, received_, sent_);
}

}  // namespace arzoo::runtime
