#pragma once

#include "core/json.h"
#include "runtime/shape_generator.h"
#include "shape3d/shape_autoencoder.h"
#include "shape3d/surface_cleaning.h"

namespace arzoo::shape3d {

/// What every generator of a shape's code is: its classes, and the surface of a code.
class CodeGenerator : public runtime::ShapeGenerator {
 public:
  int64_t classes() const override { return classes_; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int64_t parameters() const override;
  int64_t steps() const override { return steps_; }
  const Json& settings() const override { return settings_; }
  /// Both throw UsageError: the model knows classes alone.
  void follow(const io::Picture& picture) override;
  void complete(const io::Mesh& part) override;
  runtime::DecodedSurface surface(const at::Tensor& code,
                                  const runtime::SurfaceRequest& request) const override;

 protected:
  /// What a generator is made of. model, autoencoder: on the CPU, not packed yet.
  struct Parts {
    std::string name = {};            ///< of the model
    std::filesystem::path path = {};  ///< of its weights
    std::vector<std::string> class_names = {};
    int64_t classes = 0, steps = 0;
    Json options = {};  ///< of generation, in force
    std::shared_ptr<torch::nn::Module> model = nullptr;
    std::shared_ptr<ShapeAutoencoder> autoencoder = nullptr;
    SurfaceCleaning cleaning = {};
  };
  CodeGenerator(const Parts& parts, const runtime::Compute& compute);

  /// The classes of a request, [B] long on the device. Throws UsageError for one that is none.
  at::Tensor labels_of(const runtime::ShapeRequest& request) const;

  at::Device device_;

 private:
  std::string name_;
  std::vector<std::string> class_names_;
  int64_t classes_, steps_, parameters_;
  Json settings_;
  std::shared_ptr<ShapeAutoencoder> autoencoder_;
  SurfaceCleaning cleaning_;
};

}  // namespace arzoo::shape3d
