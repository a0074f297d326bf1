# LibTorch's process group on Gloo is in libtorch_cpu, and its header among LibTorch's, but the headers of Gloo that it names are
# not shipped. lib/runtime/process_group.cpp needs no more of them than these declarations: it makes the group and calls c10d.
include_guard(GLOBAL)
if(EXISTS "${ARZOO_TORCH_INC}/gloo/context.h")
  set(ARZOO_GLOO_INCLUDE "${ARZOO_TORCH_INC}")
  return()
endif()
set(ARZOO_GLOO_INCLUDE "${PROJECT_BINARY_DIR}/gloo_declarations")
function(_arzoo_gloo_header path text)
  file(CONFIGURE OUTPUT "${ARZOO_GLOO_INCLUDE}/gloo/${path}" CONTENT "#pragma once\n${text}" @ONLY)
endfunction()
_arzoo_gloo_header(algorithm.h "")
_arzoo_gloo_header(common/error.h "")
_arzoo_gloo_header(context.h "#include <chrono>
namespace gloo {
class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};
}  // namespace gloo
")
_arzoo_gloo_header(transport/device.h "namespace gloo::transport {
class Device;
class UnboundBuffer;
}  // namespace gloo::transport
")
# Only so that c10d's wrapper of a store parses: it is never made here.
_arzoo_gloo_header(rendezvous/store.h "#include <chrono>
#include <string>
#include <vector>
namespace gloo::rendezvous {
class Store {
 public:
  virtual ~Store();
  virtual void set(const std::string& key, const std::vector<char>& value) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};
}  // namespace gloo::rendezvous
")
