#pragma once

#include "language/dsformer_lm.h"
#include "plan/tasks.h"
#include "runtime/family_command.h"
#include "runtime/named_tensors.h"

namespace arzoo::language {

/// How near factors come to a dense map.
struct FactorChoice {
  FactorSizes sizes;
  double error = 0.0;      ///< of the masked product, relative to the map's length
  double svd_error = 0.0;  ///< of low-rank factors with no more numbers
};

/// The sizes of dense-sparse factors of maps [out, in] that need at most in * out / ratio numbers and come
/// nearest to them, among some slices and ranks. Throws UsageError for a ratio that none reaches.
FactorChoice choose_factors(const std::string& map, const std::vector<at::Tensor>& weights, double ratio);

/// `arzoo convert --factorize`: a nanoGPT or a GPT-2, ours or published, as the folder of a dsformer_lm that
/// is ready to be fine-tuned by its train.json.
Json factorise_model(const plan::ConvertTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::language
