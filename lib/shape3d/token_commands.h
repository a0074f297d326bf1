#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::shape3d {

/// `arzoo encode`: a mesh to the tokens of a model that codes shapes. Returns {"output", "bytes",
/// "input_bytes", "ratio", "tokens", "bits", "seconds"}. Throws DataError for a mesh that cannot be read,
/// UsageError for a model that has no tokens.
Json run_encode(const plan::EncodeTask& task, const runtime::CommandContext& context);
/// `arzoo decode`: the mesh of tokens, where the encoded one was. Returns {"output", "vertices", "triangles",
/// "watertight", "asked_points", "seconds"}. Throws DataError for a broken file and for one of another model,
/// CheckFailed where nothing is inside.
Json run_decode(const plan::DecodeTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::shape3d
