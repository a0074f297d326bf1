#include "shape3d/shape_condition.h"

#include <torch/torch.h>

namespace arzoo::shape3d {

GivenOfShape GivenOfShape::of_classes(const at::Tensor& labels, const Mar3dOptions& options) {
  const int64_t count = labels.size(0), side = options.silhouette_pixels;
  const auto numbers = labels.options().dtype(at::kFloat);
  const auto none = at::zeros({count}, labels.options().dtype(at::kBool));
  return {.labels = labels.clamp_max(options.class_num - 1),
          .silhouettes = at::zeros({count, 1, side, side}, numbers),
          .points = at::zeros({count, options.lr.latent_size, options.vae_embed_dim}, numbers),
          .has_label = labels.lt(options.class_num),
          .has_silhouette = none,
          .has_points = none};
}

ShapeCondition::ShapeCondition(const Mar3dOptions& options, const ConditionRows& rows, int64_t token_width,
                               int64_t width)
    : patch_(options.silhouette_patch), rows_(rows) {
  const auto table = [&](const char* name, int64_t count) {
    return register_parameter(name, at::empty({count, width}));
  };
  class_emb_ = table("class_emb", options.class_num);
  patch_pos_ = table("patch_pos", rows.patches);
  no_class_ = table("no_class", 1);
  no_patches_ = table("no_patches", rows.patches);
  no_points_ = table("no_points", rows.points);
  patch_emb_ = register_module("patch_emb", std::make_shared<nn::LinearLayer>(patch_ * patch_, width));
  points_emb_ = register_module("points_emb", std::make_shared<nn::LinearLayer>(token_width, width));
}

at::Tensor ShapeCondition::forward(const GivenOfShape& given) const {
  const auto chosen = [](const at::Tensor& has, const at::Tensor& rows, const at::Tensor& none) {
    return at::where(has.view({-1, 1, 1}), rows, none.unsqueeze(0));
  };
  const auto of_class = at::embedding(class_emb_, given.labels).unsqueeze(1);
  const auto pixels =
      at::im2col(given.silhouettes, {patch_, patch_}, {1, 1}, {0, 0}, {patch_, patch_}).transpose(1, 2);
  return at::cat({chosen(given.has_label, of_class, no_class_),
                  chosen(given.has_silhouette, patch_emb_->forward(pixels) + patch_pos_, no_patches_),
                  chosen(given.has_points, points_emb_->forward(given.points), no_points_)},
                 1);
}

void ShapeCondition::initialise() {
  const torch::NoGradGuard no_grad;
  constexpr double kDeviation = 0.02;
  for (auto& table : parameters(/*recurse=*/false)) table.normal_(0.0, kDeviation);
  for (const auto& layer : {patch_emb_, points_emb_}) {
    torch::nn::init::xavier_uniform_(layer->weight());
    at::Tensor(layer->bias()).zero_();
  }
}

}  // namespace arzoo::shape3d
