#pragma once

#include <filesystem>
#include <map>

#include "language/dsformer_lm.h"
#include "language/nano_gpt.h"
#include "nn/dense_sparse_linear.h"

namespace arzoo::language {

/// A nanoGPT whose maps are factors: dense-sparse ones, "<map>.sparse", "<map>.dense", or low-rank ones,
/// "<map>.lr1", "<map>.lr2".
class DsformerLm : public NanoGpt {
 public:
  explicit DsformerLm(const DsformerOptions& options);

  void initialise() override;
  /// Factorises the maps of a nanoGPT, [out, in], and takes over its other tensors. Throws CheckpointError
  /// for a model of other sizes.
  void factorise(const runtime::NamedTensors& dense);
  /// The dense-sparse maps by their names ("transformer.h.0.attn.c_attn").
  std::map<std::string, std::shared_ptr<nn::DenseSparseLinear>> maps();

 private:
  DsformerOptions options_;
};

/// The numbers that a model of these factors needs: of a sparse factor its entries alone, without their
/// places.
int64_t stored_numbers(const DsformerLm& model);

/// The tensors of a nanoGPT or of a GPT-2, ours or published, under nanoGPT's names: maps [out, in], the head
/// left out where it is the embedding. place: as model_place() tells. Throws CheckpointError.
runtime::NamedTensors nano_gpt_tensors(const std::filesystem::path& place);

}  // namespace arzoo::language
