#pragma once

#include "core/json.h"
#include "runtime/solid_generator.h"
#include "shape3d/solids/autobrep_fsq_model.h"
#include "shape3d/solids/autobrep_model.h"

namespace arzoo::shape3d {

/// An AutoBrep with its auto-encoders, ready to generate. Its classes are how complex a solid is.
class AutobrepGenerator : public runtime::SolidGenerator {
 public:
  /// Of a run directory or model folder.
  static std::unique_ptr<runtime::ShapeGenerator> open(const std::filesystem::path& path,
                                                       const Json& sampling, const runtime::Compute& compute);

  int64_t classes() const override { return 3; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int64_t parameters() const override;
  int64_t steps() const override { return model_->options().max_seq; }
  const Json& settings() const override { return settings_; }
  void follow(const io::Picture& picture) override;
  void complete(const io::Mesh& part) override;
  /// Tokens, [B, T] long, behind an end 0.
  at::Tensor sample(const runtime::ShapeRequest& request,
                    const std::function<void(int64_t)>& watch = {}) const override;
  /// The triangulation of the solid; empty where there is none.
  runtime::DecodedSurface surface(const at::Tensor& sampled,
                                  const runtime::SurfaceRequest& request) const override;
  Solid solid(const at::Tensor& sampled) const override;

 private:
  AutobrepGenerator(std::shared_ptr<Autobrep> model, std::shared_ptr<AutobrepFsq> coders,
                    const AutobrepGenerationOptions& options, const std::filesystem::path& path,
                    const runtime::Compute& compute);
  at::Tensor sample_once(const std::vector<int64_t>& labels, const std::vector<uint64_t>& seeds,
                         const std::function<void(int64_t)>& watch) const;

  std::shared_ptr<Autobrep> model_;
  std::shared_ptr<AutobrepFsq> coders_;
  AutobrepGenerationOptions options_;
  at::Device device_;
  std::vector<std::string> class_names_ = {"easy", "mid", "hard"};
  Json settings_;
};

}  // namespace arzoo::shape3d
