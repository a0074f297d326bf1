#pragma once

#include "nn/masked_sampler.h"
#include "shape3d/data_options.h"
#include "shape3d/shape_condition.h"
#include "shape3d/shape_mar.h"

namespace arzoo::shape3d {

/// The options of generation, for the sampler of masked tokens.
nn::MaskedSampling sampling_of(const Mar3dGenerationOptions& options);

/// The cascade: MAR-LR and MAR-HR, and what tells each of them what is given.
class Mar3d : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit Mar3d(const Mar3dOptions& options);

  const Mar3dOptions& options() const { return options_; }

  /// Tokens in the units of the generators: with a standard deviation of about 1.
  at::Tensor scaled(const at::Tensor& z) const { return z * latent_scale_; }
  at::Tensor unscaled(const at::Tensor& tokens) const { return tokens / latent_scale_; }
  /// The scale becomes that of these tokens, if none was set yet.
  void set_scale(const at::Tensor& z);

  /// Random numbers of a training pass of both stages; what is undefined is sampled.
  struct RandomInputs {
    nn::MaskedRandomInputs lr, hr;
    at::Tensor augment_share, augment_noise;  ///< [B], [B, n, C]
  };
  struct Loss {
    nn::MaskedGenerator::Loss lr, hr;
  };
  /// low, high: scaled tokens [B, n, C], [B, L, C] of the same shapes.
  Loss loss(const at::Tensor& low, const at::Tensor& high, const GivenOfShape& given,
            const RandomInputs& random_inputs = {}) const;

  /// How a batch of shapes is generated.
  struct Request {
    GivenOfShape given;
    std::vector<uint64_t> seeds;  ///< one per shape, which decides it alone
    nn::MaskedSampling sampling;  ///< num_sampling_steps 0: each stage's own
    bool low_only = false;
    std::function<void(int64_t step)> watch = {};  ///< after each step of each stage
  };
  /// Unscaled tokens [B, L, C] of MAR-HR, or those of MAR-LR with low_only.
  at::Tensor sample(const Request& request) const;
  /// Steps of a request, of both stages.
  int64_t steps(const Request& request) const;

  /// The official start of both stages.
  void initialise();
  /// The type of the linear maps inside blocks and heads, for inference. Their weights become memory as it
  /// comes.
  void set_type(at::ScalarType type);

 private:
  at::Tensor sample_stage(const ShapeMar& stage, const at::Tensor& condition, const Request& request,
                          const ShapeMarOptions& options, uint64_t stream, int64_t& step) const;

  Mar3dOptions options_;
  at::Tensor latent_scale_;  ///< [1], 0 while unset
  std::shared_ptr<ShapeCondition> lr_condition_, hr_condition_;
  std::shared_ptr<ShapeMar> lr_, hr_;
};

}  // namespace arzoo::shape3d
