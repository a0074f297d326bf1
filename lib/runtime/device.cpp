#include "runtime/device.h"

#include <dlfcn.h>
#include <malloc.h>
#include <torch/torch.h>

#include <charconv>
#include <filesystem>
#include <limits>

#include "core/cuda_driver.h"
#include "core/error.h"

namespace arzoo::runtime {
namespace {

/// Opens libtorch_cuda beside the libtorch_cpu in use: by absolute path, since a sanitizer's dlopen ignores
/// the run path.
void open_cuda_libraries() {
  Dl_info info{};
  // Any function that lives in libtorch_cpu will do to find its folder.
  if (dladdr(reinterpret_cast<void*>(&at::get_num_threads), &info) == 0)
    fail<SystemFailure>("cuda: cannot locate LibTorch");
  const auto library = std::filesystem::path(info.dli_fname).parent_path() / "libtorch_cuda.so";
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    fail<SystemFailure>("cuda: {} (is this a LibTorch with CUDA, and are its CUDA packages installed?)",
                        dlerror());
  }
}

/// Opens the CUDA kernels that lie beside this library, in a build that has them; without them LibTorch's own
/// do the work.
void open_kernels() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&select_compute), &info) == 0) return;
  const auto plug_in = std::filesystem::path(info.dli_fname).parent_path() / "libarzoo_cuda.so";
  if (std::filesystem::exists(plug_in) && dlopen(plug_in.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    fail<SystemFailure>("cuda: {}: {}", plug_in.string(), dlerror());
  }
}

at::Device cuda_device(const std::string& name) {
  int index = 0;
  if (name.size() > 4) {
    const char* begin = name.data() + 5;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(begin, end, index);
    if (name[4] != ':' || parsed.ec != std::errc() || parsed.ptr != end || index < 0 || index > 127) {
      fail<UsageError>("--device {}: expected auto, cpu, cuda or cuda:INDEX", name);
    }
  }
  open_cuda_libraries();
  open_kernels();
  // fp32 means fp32: cuDNN would otherwise round a convolution's factors to TF32's ten bits.
  at::globalContext().setAllowTF32CuDNN(false);
  const int count = torch::cuda::device_count();
  if (index >= count) {
    fail<SystemFailure>("--device {}: {} CUDA device(s) found (is the driver installed?)", name, count);
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

Quantization quantization_named(const std::string& name) {
  if (name.empty()) return Quantization::none;
  if (name == "int8") return Quantization::int8;
  if (name == "int4") return Quantization::int4;
  fail<UsageError>("--quantize {}: expected int8 or int4", name);
}

}  // namespace

at::ScalarType scalar_type_named(const std::string& name) {
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") return at::kHalf;
  fail<UsageError>("--dtype {}: expected fp32, bf16 or fp16", name);
}

Compute select_compute(const std::string& device, const std::string& dtype, const std::string& quantize) {
  const auto type = scalar_type_named(dtype);
  const auto form = quantization_named(quantize);
  const bool rounds = form != Quantization::none;
  // "auto" chooses the CPU when an option is implemented for CPUs only.
  if (wants_cuda(rounds && device == "auto" ? "cpu" : device)) {
    if (rounds)
      fail<UsageError>("--quantize {}: for a CPU (on --device {} take --dtype bf16)", quantize, device);
    return {.device = cuda_device(device == "auto" ? "cuda" : device), .dtype = type};
  }
  if (device == "cpu" || device == "auto") return {.device = at::kCPU, .dtype = type, .quantization = form};
  fail<UsageError>("--device {}: expected auto, cpu, cuda or cuda:INDEX", device);
}

std::string precision_name(const Compute& compute) {
  if (compute.quantization == Quantization::int8) return "int8";
  if (compute.quantization == Quantization::int4) return "int4";
  return compute.dtype == at::kFloat ? "fp32" : compute.dtype == at::kBFloat16 ? "bf16" : "fp16";
}

void set_threads(int64_t threads) {
  if (threads > 0) at::set_num_threads(static_cast<int>(threads));
}

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kLargestFromHeap = 32 << 20;  // glibc's own upper bound
  mallopt(M_MMAP_THRESHOLD, kLargestFromHeap);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 16 << 20);
#endif
}

int64_t threads() { return at::get_num_threads(); }

void seed(int64_t seed) { torch::manual_seed(static_cast<uint64_t>(seed)); }

at::Tensor random_state() {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_random_state(const at::Tensor& state) {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

}  // namespace arzoo::runtime
