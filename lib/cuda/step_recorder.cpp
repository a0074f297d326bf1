// Steps of a generation as CUDA graphs, looked up by lib/runtime/step_graph.cpp.

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "runtime/step_graph.h"

namespace {

class GraphRecorder : public arzoo::runtime::RecordedOperations {
 public:
  void record(const std::function<void()>& step) override {
    // What is recorded must not be on the default stream, and must come after all that was issued there.
    const auto current = c10::cuda::getCurrentCUDAStream();
    current.synchronize();
    const c10::cuda::CUDAStreamGuard guard(
        c10::cuda::getStreamFromPool(/*isHighPriority=*/false, current.device_index()));
    graph_.capture_begin();
    try {
      step();
    } catch (...) {
      // A recording that is left open would refuse every later operation of the process.
      graph_.capture_end();
      throw;
    }
    graph_.capture_end();
  }
  void replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) arzoo::runtime::RecordedOperations* arzoo_cuda_recorder() {
  return new GraphRecorder();
}
