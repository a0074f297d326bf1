#pragma once

#include <filesystem>

#include "shape3d/argus3d_model.h"
#include "shape3d/argus3d_vq_model.h"

/// The released files of Argus3D: model_stage2.pt, which holds both stages (transformer_model.*,
/// vqvae_model.*), and model_stage1.pt. Sizes are read from the tensors' shapes.
namespace arzoo::shape3d {

/// Whether a file is a released model of both stages. Throws CheckpointError for one that cannot be read.
bool is_argus3d_file(const std::filesystem::path& path);

struct Argus3dFiles {
  std::shared_ptr<Argus3d> model;
  std::shared_ptr<Argus3dVq> tokenizer;
  std::vector<std::string> classes;  ///< the released 55, where there are as many
};
/// Stage 1 is that of model_stage1.pt beside the file or two folders above it, where there is one, as in the
/// released program; else that of the file itself. Both compute in `type`. Throws CheckpointError.
Argus3dFiles open_argus3d_file(const std::filesystem::path& path, at::ScalarType type);

/// The options of weights. Heads leave no trace: they are 128 wide, as in the released model, or there is
/// one.
Argus3dOptions argus3d_options_of(const runtime::NamedTensors& weights);
/// Those of stage 1, whose map has so many tokens.
Argus3dVqOptions argus3d_vq_options_of(const runtime::NamedTensors& weights, int64_t tokens);

}  // namespace arzoo::shape3d
