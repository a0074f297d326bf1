#include "runtime/live_tensors.h"

#include <c10/core/CPUAllocator.h>
#include <torch/torch.h>

#include <thread>

#include "support/test.h"

using namespace arzoo;
using runtime::LiveTensors;

TEST_CASE("a tensor counts from when it is made until it is gone") {
  auto before = at::ones({256});
  at::Tensor longer;
  {
    const LiveTensors live;
    CHECK(live.bytes() == 0);
    {
      const auto own = at::zeros({256});
      CHECK(live.bytes() == 1024);
    }
    CHECK(live.bytes() == 0);
    before = at::Tensor();
    std::thread([&] { before = at::zeros({256}); }).join();
    CHECK(live.bytes() == 0);
    longer = at::zeros({64});
    CHECK(live.bytes() == 256);
  }
  const LiveTensors live;
  CHECK(live.bytes() == 0);
  longer = at::Tensor();
}

TEST_CASE("memory that a kernel asks for without a tensor counts while it has it") {
  const LiveTensors live;
  auto& allocator = *c10::GetCPUAllocator();
  auto* const data = allocator.raw_allocate(512);
  CHECK(live.bytes() == 512);
  allocator.raw_deallocate(data);
  CHECK(live.bytes() == 0);
}

TEST_CASE("what a forward pass keeps for its backward pass counts") {
  const auto x = at::ones({8, 16});
  const auto weight = at::ones({16, 16}).requires_grad_();
  const LiveTensors live;
  const auto loss = at::relu(at::mm(x, weight)).sum();
  // The activation of relu is kept; the product that it was computed of is not.
  CHECK(live.bytes() == 8 * 16 * 4 + 4);
}
