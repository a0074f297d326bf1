#pragma once

#include "language/language_model.h"
#include "language/structured_lm.h"
#include "nn/structured_linear.h"

namespace arzoo::language {

/// The official base model with structured feed-forward layers, under its names ("model.*").
class StructuredLm : public DecoderModel {
 public:
  explicit StructuredLm(const StructuredOptions& options);

  int64_t vocabulary() const override { return options_.vocab_size; }
  /// Of learned and interpolated positions, whose table is this long.
  int64_t longest() const override {
    const auto& positions = options_.pos_emb;
    const bool table = positions.name == "absolute" || positions.seq_len_interpolation_factor.has_value();
    return table ? options_.max_position_embeddings : 0;
  }
  int64_t layers() const override { return options_.num_layers; }
  at::Tensor hidden(const at::Tensor& ids, const nn::DecoderPass& pass) override;
  at::Tensor head(const at::Tensor& hidden) override;
  void initialise() override;
  void prepare(const TrainingMoment& moment) override;

  /// The guide's share in step `step` of those that have one: 1 at first, 0 from the last of them on.
  static double guide_share(const std::string& scheduler, int64_t step, int64_t guided_steps);
  /// The structured maps, layer by layer, the first feed-forward map before the second.
  const std::vector<std::shared_ptr<nn::StructuredLinear>>& maps() const { return maps_; }

 protected:
  bool reads_packed() const override { return !options_.scale_attn_by_inverse_layer_idx; }

 private:
  nn::Affine norm(torch::nn::Module& owner, const char* name) const;
  nn::Affine dense(torch::nn::Module& owner, const char* name, int64_t in, int64_t out) const;
  nn::Affine feed_forward_map(torch::nn::Module& owner, const char* name, int64_t in, int64_t out,
                              bool dense_one);

  StructuredOptions options_;
  nn::Decoder decoder_;
  at::Tensor embedding_;  ///< [V, D]
  nn::Affine head_;       ///< undefined where it is the embedding
  nn::DecoderWeights weights_;
  std::vector<std::shared_ptr<nn::StructuredLinear>> maps_;
};

}  // namespace arzoo::language
