#pragma once

#include "core/config.h"
#include "distill/student.h"
#include "image/model_folder.h"
#include "runtime/image_request.h"

namespace arzoo::distill {

/// A student of the kind that a "model" section names, with a tokenizer of its own; weights are memory as it
/// comes. Linear maps and convolutions in `type`. Throws ConfigError for an unknown name or option, and for a
/// model that memory cannot hold.
BuiltStudent build_student(const Config& model, at::ScalarType type = at::kFloat);
/// The same with PyTorch's default weights for the tokenizer, to be measured.
BuiltStudent random_student(const Config& model, at::ScalarType type);
/// The student of a run directory or model folder and its tokenizer, with weights. Throws CheckpointError,
/// ConfigError, UsageError.
BuiltStudent open_student(const image::ModelFolder& folder, const runtime::ImageSource& source,
                          at::ScalarType type);
/// A published student of Distilled Decoding 1 for VAR. Throws CheckpointError for another's, UsageError.
BuiltStudent open_published(const runtime::ImageSource& source, at::ScalarType type);

/// Whether a weights file is a published student of Distilled Decoding 1.
bool is_published(const std::filesystem::path& path);

}  // namespace arzoo::distill
