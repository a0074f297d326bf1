#pragma once

#include <map>

#include "language/dsformer_lm.h"
#include "language/nano_gpt.h"
#include "nn/dense_sparse_linear.h"

namespace arzoo::language {

/// A nanoGPT with dense-sparse maps: "<map>.sparse", "<map>.dense".
class DsformerLm : public NanoGpt {
 public:
  explicit DsformerLm(const DsformerOptions& options);

  void initialise() override;
  /// Factorises the maps of a nanoGPT and takes over its other tensors. Throws CheckpointError for a model of
  /// other sizes.
  void factorise(const runtime::NamedTensors& dense);
  /// The maps by their names ("transformer.h.0.attn.c_attn").
  std::map<std::string, std::shared_ptr<nn::DenseSparseLinear>> maps();

 private:
  DsformerOptions options_;
};

}  // namespace arzoo::language
