#pragma once

#include "nn/token_decoding.h"
#include "shape3d/argus3d_files.h"
#include "shape3d/code_generator.h"

namespace arzoo::shape3d {

/// The options of generation, for the decoding loop.
nn::DecodingRules decoding_rules(const Argus3dGenerationOptions& options);

/// Tokens [B, L] long of shapes of these classes, [B] long.
at::Tensor argus3d_tokens(const Argus3d& model, const at::Tensor& labels, const nn::DecodingRules& rules,
                          nn::TokenRandomInputs& random_inputs, const nn::DecodingWatcher& watch = {});

/// An Argus3D with its stage 1, ready to generate.
class Argus3dGenerator : public CodeGenerator {
 public:
  at::Tensor sample(const runtime::ShapeRequest& request,
                    const std::function<void(int64_t)>& watch = {}) const override;

  /// Of a run directory, a model folder or a released file.
  static std::unique_ptr<runtime::ShapeGenerator> open(const std::filesystem::path& path,
                                                       const Json& sampling, const runtime::Compute& compute);

 private:
  Argus3dGenerator(const Parts& parts, std::shared_ptr<Argus3d> model,
                   const Argus3dGenerationOptions& options, const runtime::Compute& compute);

  std::shared_ptr<Argus3d> model_;
  nn::DecodingRules rules_;
};

}  // namespace arzoo::shape3d
