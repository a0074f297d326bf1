#pragma once

#include "plan/tasks.h"
#include "runtime/device.h"
#include "runtime/family_command.h"
#include "runtime/named_tensors.h"

namespace torch::nn {
class Module;
}

/// Folders of language models whose linear maps are stored in 8 or 4 bits: they are read as they lie in the
/// file, so that opening one costs neither the time to round nor the memory of what was rounded.
namespace arzoo::language {

/// `arzoo convert --quantize`: a language model's folder, ours or published, as one of ours with its linear
/// maps in that form (kernels::PackedForInference::quantizable); other weights keep their type. Throws
/// UsageError for a model without such maps and for one that has a form already.
Json quantise_model(const plan::ConvertTask& task, const runtime::CommandContext& context);

/// Whether the tensors are those of such a folder.
bool are_quantised(const runtime::NamedTensors& tensors);

/// As take_strictly, of such tensors: the model serves for inference on a CPU only. Throws CheckpointError,
/// also where a stored form is not that of the model's weight, UsageError for another device.
void take_quantised(torch::nn::Module& model, const runtime::NamedTensors& tensors,
                    const runtime::Compute& compute, std::string_view where);

}  // namespace arzoo::language
