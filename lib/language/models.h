#pragma once

#include <tuple>

#include "language/bert.h"
#include "language/block_transformer.h"
#include "language/combiner_lm.h"
#include "language/decoder_lm.h"
#include "language/dsformer_lm.h"
#include "language/first_lm.h"
#include "language/primer_lm.h"
#include "language/ssa_lm.h"
#include "language/structured_lm.h"

namespace arzoo::language {

/// The table of language models: a model is known to the command line, the configs, the contract tests and
/// the README by standing here.
using Models = std::tuple<DecoderLmOptions, PrimerOptions, CombinerOptions, SsaOptions, StructuredOptions,
                          BlockTransformerOptions, FirstOptions, DsformerOptions, BertOptions>;

}  // namespace arzoo::language
