#pragma once

#include "shape3d/code_generator.h"
#include "shape3d/g3pt_model.h"

namespace arzoo::shape3d {

/// A G3PT with its tokenizer, ready to generate.
class G3ptGenerator : public CodeGenerator {
 public:
  at::Tensor sample(const runtime::ShapeRequest& request,
                    const std::function<void(int64_t)>& watch = {}) const override;

  /// Of a run directory or model folder.
  static std::unique_ptr<runtime::ShapeGenerator> open(const std::filesystem::path& path,
                                                       const Json& sampling, const runtime::Compute& compute);

 private:
  G3ptGenerator(const Parts& parts, std::shared_ptr<G3pt> model, const G3ptGenerationOptions& options,
                const runtime::Compute& compute);

  std::shared_ptr<G3pt> model_;
  std::shared_ptr<const ScaleCoder> coder_;
  ScaleSampling sampling_;
};

}  // namespace arzoo::shape3d
