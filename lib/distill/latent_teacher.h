#pragma once

#include "core/zoo.h"
#include "distill/data_options.h"
#include "distill/teacher.h"
#include "image/kl_vae_model.h"
#include "image/latent_source.h"
#include "image/trained_tokenizer.h"
#include "runtime/device.h"

namespace arzoo::distill {

/// A teacher of continuous tokens, in a KL-VAE's latents. A trajectory ends at vectors, "tokens" [B, L, z].
class LatentTeacher : public Teacher {
 public:
  image::KlVae& vae() const { return *vae_; }

  double noise_std() const override { return 1.0; }
  const char* ends_name() const override { return "tokens"; }
  void check_ends(const at::Tensor& ends, int64_t count, const std::string& file) const override;
  at::Tensor tokens(const at::Tensor& ends) const override { return ends; }
  torch::nn::Module& tokenizer() const override { return *vae_; }
  Json tokenizer_section() const override;
  Json completed(Json section) const override;

 protected:
  /// Finds data.teacher, the trained model "name", which model.`name` of a resolved config describes. Throws
  /// CheckpointError, UsageError for a teacher that cannot be opened, ConfigError at options of data that
  /// mean nothing to it.
  LatentTeacher(const Config& config, std::string_view name);
  /// Its options and its tokenizer. Throws ConfigError at the option of the config that it has otherwise.
  template <class Options>
  Options open(const Config& config, const runtime::Compute& compute) {
    const auto options = runtime::options_in<Options>(folder_);
    require_same_teacher(config.at("model").at(name_.c_str()), to_json(options), folder_.path.string());
    vae_ = image::open_kl_vae(found_, options.vae, std::nullopt, at::kFloat);
    make_constant(*vae_, compute.device);
    return options;
  }
  runtime::NamedTensors weights() const { return runtime::open_tensors(found_.file); }

 private:
  std::string name_;
  image::FoundModel found_;
  std::shared_ptr<image::KlVae> vae_;
};

}  // namespace arzoo::distill
