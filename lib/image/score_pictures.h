#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::image {

/// `arzoo score` of pictures: how likely a model with an exact likelihood finds them, in bits per dimension
/// (the mean over pixels and channels of -log2 p of the pixel's level). Returns {"files": [{"path",
/// "pictures", "dimensions", "bits_per_dim", "bits_per_dim_std"}], "levels", "seconds"}; with dry_run
/// {"plan": {…}}. Throws DataError for a picture of another size than the model's, UsageError for a model
/// without a likelihood of pixels.
Json run_score_pictures(const plan::ScoreTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::image
