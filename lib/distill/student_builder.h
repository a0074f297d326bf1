#pragma once

#include "core/config.h"
#include "distill/student.h"
#include "image/generation_options.h"
#include "image/model_folder.h"

namespace arzoo::distill {

/// A student of the kind that a "model" section names, with a tokenizer of its own; weights are memory as it
/// comes. Linear maps and convolutions in `type`. Throws ConfigError for an unknown name or option, and for a
/// model that memory cannot hold.
BuiltStudent build_student(const Config& model, at::ScalarType type = at::kFloat);
/// The same with PyTorch's default weights for the tokenizer, to be measured.
BuiltStudent random_student(const Config& model, at::ScalarType type);
/// The student of a run directory or model folder and its tokenizer, with weights. Throws CheckpointError,
/// ConfigError, UsageError.
BuiltStudent open_student(const image::ModelFolder& folder, const image::GeneratorSource& source,
                          at::ScalarType type);
/// A published student of Distilled Decoding 1 for VAR. Throws CheckpointError for another's, UsageError.
BuiltStudent open_published(const image::GeneratorSource& source, at::ScalarType type);

/// Whether a model folder, a run directory or a weights file is a student's.
bool is_student(const image::GeneratorSource& source);

}  // namespace arzoo::distill
