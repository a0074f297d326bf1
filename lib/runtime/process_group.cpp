// The one source that sees the process group on Gloo: see cmake/Gloo.cmake.
#define USE_C10D_GLOO

#include "runtime/process_group.h"

#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>

#include "core/error.h"
#include "runtime/listener.h"
#include "runtime/nccl_backend.h"
#include "runtime/rank_watch.h"

namespace arzoo::runtime {
namespace {

using std::chrono::milliseconds;

/// Of one collective: longer than anything that one process does while the others wait. A lost process is
/// noticed by the watch, not by this.
constexpr auto kCollectiveTimeout = std::chrono::hours(12);

milliseconds timeout_of(const Ranks& ranks) {
  return milliseconds(static_cast<int64_t>(ranks.timeout * 1000.0));
}

std::string place_of(const Ranks& ranks) { return fmt::format("{}:{}", ranks.address, ranks.port); }

c10::intrusive_ptr<c10d::Store> connect(const Ranks& ranks, bool hosts) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(ranks.port);
  options.isServer = hosts;
  options.numWorkers = static_cast<std::size_t>(ranks.world);
  options.waitWorkers = false;  // exchange() names who is missing
  options.timeout = timeout_of(ranks);
  return c10::make_intrusive<c10d::TCPStore>(ranks.address, options);
}

/// The store of this run. Throws SystemFailure that says what to do.
c10::intrusive_ptr<c10d::Store> open_store(const Ranks& ranks) {
  const bool hosts = ranks.rank == 0 && !ranks.store_is_hosted;
  try {
    if (!hosts) wait_for_listener(ranks.address, ranks.port, timeout_of(ranks));
    return connect(ranks, hosts);
  } catch (const std::exception& error) {
    const std::string_view text = error.what();
    if (hosts && text.find("address already in use") != text.npos) {
      fail<SystemFailure>("rank 0 of {}: port {} is in use (set MASTER_PORT to a free one)", ranks.world,
                          ranks.port);
    }
    if (hosts) {
      fail<SystemFailure>("rank 0 of {}: cannot listen at {}: {}", ranks.world, place_of(ranks),
                          text.substr(0, text.find('\n')));
    }
    fail<SystemFailure>(
        "rank {} of {}: no answer from {} within {} s (is rank 0 running there? MASTER_ADDR and MASTER_PORT "
        "name its machine and a free port)",
        ranks.rank, ranks.world, place_of(ranks), ranks.timeout);
  }
}

bool is_loopback(const std::string& address) { return address == "localhost" || address.starts_with("127."); }

c10::intrusive_ptr<c10d::Backend> gloo_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                               const Ranks& ranks) {
  // Elsewhere the interface is the one of this machine's name, or GLOO_SOCKET_IFNAME's, as in PyTorch.
  auto options = is_loopback(ranks.address)
                     ? c10d::ProcessGroupGloo::Options::create(kCollectiveTimeout)
                     : c10d::ProcessGroupGloo::Options::create_default(kCollectiveTimeout);
  if (options->devices.empty())
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, static_cast<int>(ranks.rank),
                                                     static_cast<int>(ranks.world), options);
}

[[noreturn]] void end_blocked(const Error& loss) {
  fmt::print(stderr, "arzoo: {}\n", loss.what());
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(loss.exit_code()));
}

}  // namespace

struct ProcessGroup::State {
  Ranks ranks;
  at::Device device;
  c10::intrusive_ptr<c10d::Store> store = {};
  c10::intrusive_ptr<c10d::ProcessGroup> group = {};
  std::unique_ptr<RankWatch> watch = {};
};

ProcessGroup::ProcessGroup(std::unique_ptr<State> state) : state_(std::move(state)) {}
ProcessGroup::~ProcessGroup() = default;

template <class Work>
auto ProcessGroup::guarded(const Work& work) {
  try {
    return work();
  } catch (const std::exception&) {
    rethrow();
  }
}

std::shared_ptr<ProcessGroup> ProcessGroup::join(const Ranks& ranks, const at::Device& device,
                                                 const std::string& hint) {
  c10::initLogging();  // TORCH_CPP_LOG_LEVEL, as in Python
  auto state = std::make_unique<State>(State{ranks, device});
  auto& own = *state;
  own.store = open_store(ranks);
  std::shared_ptr<ProcessGroup> joined(new ProcessGroup(std::move(state)));
  joined->exchange("joined", "");
  // The watch has a connection of its own: a call that waits would keep it from beating.
  own.watch = std::make_unique<RankWatch>(connect(ranks, /*hosts=*/false), ranks, hint, end_blocked);
  joined->guarded([&] {
    const auto size = static_cast<int>(ranks.world), rank = static_cast<int>(ranks.rank);
    own.group = c10::make_intrusive<c10d::ProcessGroup>(own.store, rank, size);
    const auto set = [&](at::DeviceType type, c10d::ProcessGroup::BackendType kind,
                         const c10::intrusive_ptr<c10d::Backend>& backend) {
      backend->setSequenceNumberForGroup();
      own.group->setBackend(type, kind, backend);
      own.group->setDefaultBackend(kind);
    };
    set(at::kCPU, c10d::ProcessGroup::BackendType::GLOO,
        gloo_backend(c10::make_intrusive<c10d::PrefixStore>("gloo", own.store), ranks));
    if (device.is_cuda())
      set(at::kCUDA, c10d::ProcessGroup::BackendType::NCCL,
          nccl_backend(c10::make_intrusive<c10d::PrefixStore>("nccl", own.store), rank, size));
  });
  return joined;
}

int64_t ProcessGroup::rank() const { return state_->ranks.rank; }
int64_t ProcessGroup::world() const { return state_->ranks.world; }
const c10::intrusive_ptr<c10d::ProcessGroup>& ProcessGroup::native() const { return state_->group; }

void ProcessGroup::rethrow() {
  const auto loss = state_->watch ? state_->watch->wait_for_loss() : std::nullopt;
  if (!loss) throw;
  state_->watch->end();
  throw Error(*loss);
}

void ProcessGroup::sum(at::Tensor tensor) {
  guarded([&] {
    std::vector<at::Tensor> one{std::move(tensor)};
    state_->group->allreduce(one)->wait();
  });
}

std::vector<double> ProcessGroup::sum(const std::vector<double>& values) {
  auto numbers = at::tensor(values, at::kDouble);
  sum(numbers);
  const auto* data = numbers.const_data_ptr<double>();
  return {data, data + numbers.numel()};
}

void ProcessGroup::broadcast(at::Tensor tensor, int64_t from) {
  guarded([&] {
    auto values = tensor.contiguous();
    std::vector<at::Tensor> one{values};
    c10d::BroadcastOptions options;
    options.rootRank = from;
    state_->group->broadcast(one, options)->wait();
    if (!values.is_same(tensor)) tensor.copy_(values);
  });
}

void ProcessGroup::broadcast_together(const std::vector<at::Tensor>& tensors, int64_t from) {
  constexpr std::size_t kMessageBytes = std::size_t{25} << 20;
  if (tensors.empty()) return;
  guarded([&] { c10d::broadcast_coalesced(state_->group, tensors, kMessageBytes, static_cast<int>(from)); });
}

std::string ProcessGroup::broadcast(const std::string& text) {
  auto size = at::tensor(static_cast<int64_t>(text.size()), at::kLong);
  broadcast(size);
  auto bytes = at::zeros({size.item<int64_t>()}, at::kByte);
  if (is_first()) std::copy(text.begin(), text.end(), bytes.mutable_data_ptr<uint8_t>());
  if (bytes.numel() > 0) broadcast(bytes);
  const auto* data = bytes.const_data_ptr<uint8_t>();
  return {data, data + bytes.numel()};
}

at::Tensor ProcessGroup::concatenated(const at::Tensor& rows) {
  return guarded([&] {
    auto counts = at::zeros({world()}, at::kLong);
    counts[rank()] = rows.size(0);
    sum(counts);
    // Gloo gathers equal parts: each is padded to the longest.
    auto sizes = rows.sizes().vec();
    sizes.front() = counts.max().item<int64_t>();
    auto own = at::zeros(sizes, rows.options());
    own.narrow(0, 0, rows.size(0)).copy_(rows);
    std::vector<std::vector<at::Tensor>> parts(1);
    for (int64_t rank = 0; rank < world(); ++rank) parts.front().push_back(at::empty_like(own));
    std::vector<at::Tensor> one{own};
    if (own.numel() > 0) state_->group->allgather(parts, one)->wait();
    for (int64_t rank = 0; rank < world(); ++rank) {
      auto& part = parts.front()[static_cast<std::size_t>(rank)];
      part = part.narrow(0, 0, counts[rank].item<int64_t>());
    }
    return at::cat(parts.front());
  });
}

at::Tensor ProcessGroup::exchanged(const at::Tensor& rows, std::vector<int64_t> sent,
                                   std::vector<int64_t> received) {
  return guarded([&] {
    auto sizes = rows.sizes().vec();
    sizes.front() = std::accumulate(received.begin(), received.end(), int64_t{0});
    auto own = rows.contiguous(), others = at::empty(sizes, rows.options());
    state_->group->alltoall_base(others, own, received, sent)->wait();
    return others;
  });
}

std::vector<std::string> ProcessGroup::exchange(const std::string& topic, const std::string& own) {
  const auto key = [&](int64_t rank) { return fmt::format("{}/{}", topic, rank); };
  const auto deadline = std::chrono::steady_clock::now() + timeout_of(state_->ranks);
  return guarded([&] {
    state_->store->set(key(rank()), own);
    std::vector<std::string> all;
    for (int64_t other = 0; other < world(); ++other) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
      try {
        state_->store->wait({key(other)}, std::max(left, milliseconds(1)));
      } catch (const c10::Error&) {
        fail<SystemFailure>("rank {} of {}: rank {} did not come to {} within {} s", rank(), world(), other,
                            place_of(state_->ranks), state_->ranks.timeout);
      }
      all.push_back(state_->store->get_to_str(key(other)));
    }
    return all;
  });
}

void ProcessGroup::finish() {
  state_->watch->end();
  guarded([&] { state_->group->barrier()->wait(); });
  // The store ends with its host: the others have read all that they need.
}

void ProcessGroup::leave(const Error& reason) noexcept {
  if (state_->watch) state_->watch->announce(reason);
}

JointSum joint_sum(const std::shared_ptr<ProcessGroup>& group, double samples) {
  if (!group) return {};
  return [group, samples](const at::Tensor& own) {
    const torch::NoGradGuard no_grad;
    const auto numbers =
        at::cat({own.flatten().to(at::kDouble), at::full({1}, samples, own.options().dtype(at::kDouble))});
    group->sum(numbers);
    const auto sums = numbers.narrow(0, 0, own.numel()) * (samples / numbers[-1]);
    return sums.view(own.sizes()).to(own.scalar_type());
  };
}

}  // namespace arzoo::runtime
