#include "runtime/step_graph.h"

#include <dlfcn.h>
#include <torch/torch.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace arzoo::runtime {

RecorderFunction recorder_on(at::Device device) {
  if (!device.is_cuda()) return {};
  const char* const wanted = std::getenv("ARZOO_CUDA_GRAPHS");
  if (wanted == nullptr || std::string_view(wanted) != "1") return {};
  void* const symbol = ::dlsym(RTLD_DEFAULT, kCudaRecorderSymbol);
  if (symbol == nullptr) return {};
  return [make = reinterpret_cast<CudaRecorderFunction>(symbol)] {
    return std::unique_ptr<RecordedOperations>(make());
  };
}

at::Tensor StepGraph::run(const std::vector<at::Tensor>& inputs, const Step& step) {
  if (!recorder_) return step(inputs);
  // The first call makes what is made once: handles, work space, tables.
  if (!warm_) {
    warm_ = true;
    return step(inputs);
  }
  if (operations_ == nullptr) record(inputs, step);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].sizes() != inputs_[i].sizes() || inputs[i].dtype() != inputs_[i].dtype())
      throw std::logic_error("a recorded step is called with tensors of other sizes or types");
    inputs_[i].copy_(inputs[i]);
  }
  operations_->replay();
  return output_;
}

void StepGraph::record(const std::vector<at::Tensor>& inputs, const Step& step) {
  for (const auto& input : inputs) inputs_.push_back(input.clone(at::MemoryFormat::Contiguous));
  operations_ = recorder_();
  operations_->record([this, step] { output_ = step(inputs_); });
}

}  // namespace arzoo::runtime
