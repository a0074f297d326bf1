#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

/// Steps of a generation that are recorded once and issued as one (CUDA graphs): what a small model costs on
/// a GPU is the hundreds of operations of a step, each of which waits for the one thread that issues them.
namespace arzoo::runtime {

/// The operations of one step on a device.
class RecordedOperations {
 public:
  virtual ~RecordedOperations() = default;
  /// Notes what `step` issues, which is not computed. It must not wait for the device.
  virtual void record(const std::function<void()>& step) = 0;
  /// Issues it, on the same memory.
  virtual void replay() = 0;
};

/// What records on a device; null where nothing does: on a CPU, in a build without the CUDA plug-in, and
/// unless the environment has ARZOO_CUDA_GRAPHS=1.
using RecorderFunction = std::function<std::unique_ptr<RecordedOperations>()>;
RecorderFunction recorder_on(at::Device device);

/// The function of the CUDA plug-in that makes one: C linkage, so that it can be looked up.
using CudaRecorderFunction = RecordedOperations* (*)();
inline constexpr const char* kCudaRecorderSymbol = "arzoo_cuda_recorder";

/// One step, called again and again with tensors of the same sizes.
class StepGraph {
 public:
  using Step = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

  explicit StepGraph(RecorderFunction recorder) : recorder_(std::move(recorder)) {}

  /// step(inputs): as it is the first time, recorded the second, replayed from then on; without a recorder
  /// always as it is. What the step changes besides must lie where it lay. The result is overwritten by the
  /// next call. Throws std::logic_error for inputs of other sizes or types than the first ones.
  at::Tensor run(const std::vector<at::Tensor>& inputs, const Step& step);
  bool is_recorded() const { return operations_ != nullptr; }

 private:
  void record(const std::vector<at::Tensor>& inputs, const Step& step);

  RecorderFunction recorder_;
  std::unique_ptr<RecordedOperations> operations_;
  std::vector<at::Tensor> inputs_;  ///< those of the recording, into which each call's are copied
  at::Tensor output_;
  bool warm_ = false;
};

}  // namespace arzoo::runtime
