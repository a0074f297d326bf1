#include "image/himar_model.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "image/class_condition.h"
#include "nn/embedding_table.h"
#include "nn/linear_start.h"
#include "nn/masked_generator.h"
#include "nn/seeded_noise.h"

namespace arzoo::image {
namespace {

constexpr int64_t kPhases = 2;
constexpr double kProjectionEpsilon = 1e-6, kTablesStart = 0.02;
constexpr double kPivotWeight = 2.0, kDenseWeight = 0.75;
/// Of the official trainer, whatever the grids: the share of pivots in 8 x 8 beside 16 x 16 places.
constexpr double kPivotShare = 64.0 / 320.0;
/// Least share of masked dense tokens where it does not follow the cosine.
constexpr double kLeastMasked = 0.38;

nn::VitOptions stack_options(const HiMarOptions& options, double norm_eps, int64_t width, int64_t heads) {
  return {.width = width,
          .heads = heads,
          .mlp_ratio = options.mlp_ratio,
          .norm_eps = norm_eps,
          .attn_dropout = options.attn_dropout,
          .proj_dropout = options.proj_dropout};
}

int64_t number_of(HiMar::Phase phase) { return static_cast<int64_t>(phase); }

/// What was given, else what `make` makes.
template <class Make>
at::Tensor given_or(const at::Tensor& given, const Make& make) {
  return given.defined() ? given : make();
}

int64_t sample_masked_dense(const HiMarOptions& options) {
  if (!options.cos) return nn::sample_masked_count(options.tokens(), kLeastMasked);
  const double share = std::cos(at::rand({}).item<double>() * std::numbers::pi * 0.5);
  const auto masked = std::ceil(static_cast<double>(options.tokens()) * share);
  return std::clamp<int64_t>(static_cast<int64_t>(masked), 1, options.tokens());
}

}  // namespace

HiMar::HiMar(const HiMarOptions& options, double norm_eps)
    : options_(options),
      places_(options.pivots() + options.tokens()),
      encoder_(options.encoder_depth,
               stack_options(options, norm_eps, options.encoder_embed_dim, options.encoder_num_heads),
               kPhases),
      decoder_(options.decoder_depth,
               stack_options(options, norm_eps, options.decoder_embed_dim, options.decoder_num_heads),
               kPhases) {
  const int64_t width = options.encoder_embed_dim, channels = options.vae.embed_dim;
  const auto map = [&](const char* name, int64_t in) {
    return register_module(name, std::make_shared<nn::LinearLayer>(in, width));
  };
  register_tables();
  z_proj_ = map("z_proj", channels);
  z_proj_ln_ = register_module("z_proj_ln", std::make_shared<nn::VitNorm>(width, kProjectionEpsilon));
  cond_z_proj_ = map("cond_z_proj", width);
  cond_proj_ = map("cond_proj", channels);
  encoder_.register_in(*this, {"encoder_blocks", "encoder_norm", "encoder_blocks_ada", "encoder_task_emb"});
  decoder_embed_ = map("decoder_embed", width);
  decoder_.register_in(*this, {"decoder_blocks", "decoder_norm", "decoder_blocks_ada", "decoder_task_emb"});
  diffloss_ = register_module("diffloss", std::make_shared<nn::DiffusionLoss>(nn::DiffusionHeadOptions{
                                              .channels = channels,
                                              .condition_width = width,
                                              .width = options.diffloss_w,
                                              .depth = options.diffloss_d,
                                              .prediction = nn::prediction_of(options.prediction)}));
  cond_diffloss_ = register_module("cond_diffloss",
                                   std::make_shared<nn::GridDiffusionLoss>(nn::DiffusionTransformerOptions{
                                       .channels = channels,
                                       .condition_width = width,
                                       .width = options.gdm_w,
                                       .depth = options.gdm_d,
                                       .heads = options.head,
                                       .mlp_ratio = options.ratio,
                                       .side = options.side(),
                                       .prediction = nn::prediction_of(options.prediction)}));
}

void HiMar::register_tables() {
  const int64_t width = options_.encoder_embed_dim, rows = options_.buffer_size + places_;
  const auto table = [&](const char* name, at::IntArrayRef sizes) {
    return register_parameter(name, at::empty(sizes));
  };
  class_emb_ = nn::register_table(*this, "class_emb", options_.class_num, width);
  fake_latent_ = table("fake_latent", {1, width});
  cond_tokens_ = table("cond_tokens", {1, options_.pivots(), options_.vae.embed_dim});
  mask_token_ = table("mask_token", {1, kPhases * places_, width});
  encoder_pos_embed_learned_ = table("encoder_pos_embed_learned", {1, kPhases * rows, width});
  decoder_pos_embed_learned_ = table("decoder_pos_embed_learned", {1, kPhases * rows, width});
  diffusion_pos_embed_learned_ = table("diffusion_pos_embed_learned", {1, places_, width});
}

at::Tensor HiMar::condition(const at::Tensor& labels) const {
  return class_condition(class_emb_, no_condition(labels.size(0)), labels, HiMarOptions::kName);
}

at::Tensor HiMar::no_condition(int64_t samples) const {
  return fake_latent_.unsqueeze(0).expand({samples, options_.buffer_size, -1});
}

at::Tensor HiMar::dropped(const at::Tensor& condition, const at::Tensor& uniform) const {
  const auto lost = uniform.lt(options_.label_drop_prob).to(condition.device()).view({-1, 1, 1});
  return at::where(lost, no_condition(condition.size(0)), condition);
}

at::Tensor HiMar::condition_rows(const at::Tensor& z, const at::Tensor& index) const {
  const auto rows = cond_z_proj_->forward(z);
  const auto learned = cond_proj_->forward(cond_tokens_).to(rows.scalar_type());
  return learned.expand({z.size(0), -1, -1}).scatter(1, index.unsqueeze(-1).expand_as(rows), rows);
}

at::Tensor HiMar::seen_rows(const at::Tensor& z, const at::Tensor& index, const at::Tensor& pivots) const {
  if (options_.pivots_as == "tokens") return pivot_rows(pivots);
  if (options_.pivots_as == "none") return cond_proj_->forward(cond_tokens_).expand({z.size(0), -1, -1});
  return condition_rows(z, index);
}

at::Tensor HiMar::training_rows(const at::Tensor& rows, const at::Tensor& uniform, int64_t epoch) const {
  const double warmed =
      options_.step_warmup > 0
          ? std::min(1.0, static_cast<double>(epoch) / static_cast<double>(options_.step_warmup))
          : 1.0;
  const auto unseen = uniform.le(1.0 - options_.step_stage2_rate * warmed).to(rows.device()).view({-1, 1, 1});
  return at::where(unseen, cond_proj_->forward(cond_tokens_).to(rows.scalar_type()), rows);
}

at::Tensor HiMar::places_of(const at::Tensor& table, Phase phase) const {
  const int64_t rows = table.size(1) / kPhases;
  return table.narrow(1, number_of(phase) * rows, rows);
}

at::Tensor HiMar::encoder_input(Phase phase, const at::Tensor& rows, const nn::VisibleTokens& visible,
                                const at::Tensor& condition) const {
  const auto table = places_of(encoder_pos_embed_learned_, phase);
  const auto slots = table.narrow(1, 0, options_.buffer_size);
  const auto places = table.narrow(1, options_.buffer_size, places_).expand({condition.size(0), -1, -1});
  return z_proj_ln_->forward(at::cat({condition + slots, rows + nn::visible_tokens(places, visible)}, 1));
}

at::Tensor HiMar::encode(Phase phase, const at::Tensor& rows, const nn::VisibleTokens& visible,
                         const at::Tensor& condition) const {
  return encoder_.forward(encoder_input(phase, rows, visible, condition), number_of(phase), type_);
}

at::Tensor HiMar::decoder_input(Phase phase, const at::Tensor& encoded,
                                const nn::VisibleTokens& visible) const {
  // The buffer's rows are always there: what stands in for them is never seen.
  const auto masks = at::cat(
      {mask_token_.narrow(1, 0, 1).expand({1, options_.buffer_size, -1}), places_of(mask_token_, phase)}, 1);
  const auto all = nn::with_prefix(visible, options_.buffer_size);
  return nn::restored_tokens(decoder_embed_->forward(encoded), masks, all) +
         places_of(decoder_pos_embed_learned_, phase);
}

at::Tensor HiMar::decode(Phase phase, const at::Tensor& encoded, const nn::VisibleTokens& visible,
                         const at::Tensor& wanted) const {
  const auto rows = decoder_input(phase, encoded, visible);
  if (!wanted.defined()) {
    const auto decoded = decoder_.forward(rows, number_of(phase), type_);
    return decoded.narrow(1, options_.buffer_size, places_) + diffusion_pos_embed_learned_;
  }
  const auto places = diffusion_pos_embed_learned_.expand({encoded.size(0), -1, -1});
  return decoder_.forward(rows, number_of(phase), type_, wanted + options_.buffer_size) +
         nn::tokens_at(places, wanted);
}

nn::VisibleTokens HiMar::visible_pivots(const at::Tensor& orders, int64_t masked) const {
  return {nn::keep_all_but_first(orders, masked).index, places_};
}

at::Tensor HiMar::pivot_loss(const at::Tensor& pivots, const at::Tensor& z, const at::Tensor& index,
                             const HiMarRandomInputs& random_inputs) const {
  const int64_t batch = pivots.size(0), copies = options_.diffusion_batch_mul;
  // Only masked tokens count, so only they are noised: row b P + p of each copy.
  const auto first = at::arange(batch, index.options()).mul_(options_.pivots()).unsqueeze(1);
  const auto rows = (index + first).flatten();
  const auto of_all = [&](const at::Tensor& given) {
    const auto blocks = given.to(pivots.device()).unflatten(0, {copies, batch * options_.pivots()});
    return blocks.index_select(1, rows).flatten(0, 1);
  };
  const auto target = pivots.flatten(0, 1).index_select(0, rows).repeat({copies, 1});
  const auto t = random_inputs.pivot_t.defined()
                     ? of_all(random_inputs.pivot_t)
                     : at::randint(nn::DiffusionSchedule::kDiffusionSteps, {target.size(0)}, at::kLong)
                           .to(pivots.device());
  const auto noise = random_inputs.pivot_noise.defined() ? of_all(random_inputs.pivot_noise)
                                                         : at::randn(target.sizes()).to(pivots.device());
  const auto errors = diffloss_->rows(target, z.flatten(0, 1).repeat({copies, 1}), t, noise).errors;
  return errors.mse.mean() + errors.vb.mean();
}

at::Tensor HiMar::dense_loss(const at::Tensor& tokens, const at::Tensor& z, const at::Tensor& masked,
                             const HiMarRandomInputs& random_inputs) const {
  const int64_t copies = options_.diffusion_batch_mul, grids = copies * tokens.size(0);
  const auto device = tokens.device();
  const auto t = given_or(random_inputs.t, [&] {
    return at::randint(nn::DiffusionSchedule::kDiffusionSteps, {grids}, at::kLong);
  });
  const auto noise = given_or(random_inputs.noise, [&] {
    return at::randn({grids, tokens.size(1), tokens.size(2)});
  });
  return cond_diffloss_
      ->errors(tokens.repeat({copies, 1, 1}), z.repeat({copies, 1, 1}), masked.repeat({copies, 1}),
               t.to(device), noise.to(device))
      .mse;
}

HiMar::Loss HiMar::loss(const at::Tensor& pivots, const at::Tensor& tokens, const at::Tensor& condition,
                        int64_t epoch, const HiMarRandomInputs& random_inputs) const {
  const int64_t batch = tokens.size(0), pivot_count = options_.pivots(), length = options_.tokens();
  const auto device = tokens.device();
  const auto uniform = [&](const at::Tensor& given) {
    return given_or(given, [&] { return at::rand({batch}); });
  };
  const auto orders = [&](const at::Tensor& given, int64_t count) {
    return given_or(given, [&] { return nn::random_orders(batch, count); }).to(device);
  };
  const auto pivot_orders = orders(random_inputs.pivot_orders, pivot_count),
             dense_orders = orders(random_inputs.orders, length);
  const int64_t masked_pivots = random_inputs.masked_pivots >= 0
                                    ? random_inputs.masked_pivots
                                    : nn::sample_masked_count(pivot_count, options_.mask_ratio_min);
  const int64_t masked = random_inputs.masked >= 0 ? random_inputs.masked : sample_masked_dense(options_);

  const auto seen_pivots = visible_pivots(pivot_orders, masked_pivots);
  const auto index = std::get<0>(pivot_orders.narrow(1, 0, masked_pivots).sort(1));
  const auto known = nn::visible_tokens(pivots, {seen_pivots.index, pivot_count});
  const auto first = encode(Phase::pivots, pivot_rows(known), seen_pivots,
                            dropped(condition, uniform(random_inputs.pivot_label_drop)));
  const auto pivot_z = decode(Phase::pivots, first, seen_pivots, index);

  const auto visible = nn::keep_all_but_first(dense_orders, masked);
  const auto rows =
      training_rows(seen_rows(pivot_z.detach(), index, pivots), uniform(random_inputs.pivot_drop), epoch);
  const auto seen = nn::with_prefix(visible, pivot_count);
  const auto second =
      encode(Phase::dense, at::cat({rows, dense_rows(nn::visible_tokens(tokens, visible))}, 1), seen,
             dropped(condition, uniform(random_inputs.label_drop)));
  const auto z = decode(Phase::dense, second, seen).narrow(1, pivot_count, length);
  return {pivot_loss(pivots, pivot_z, index, random_inputs) * kPivotWeight,
          dense_loss(tokens, z, visible.masked().to(at::kFloat), random_inputs) * kDenseWeight};
}

at::Tensor HiMar::total(const Loss& loss) const {
  return loss.pivots * kPivotShare + loss.dense * (1.0 - kPivotShare);
}

void HiMar::set_type(at::ScalarType type) {
  type_ = type;
  encoder_.set_type(type);
  decoder_.set_type(type);
  nn::set_linear_type(*diffloss_, type);
  cond_diffloss_->net().set_type(type);
}

void HiMar::prepare() {
  encoder_.prepare();
  decoder_.prepare();
}

void HiMar::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& table : {class_emb_, fake_latent_, cond_tokens_, mask_token_, encoder_pos_embed_learned_,
                            decoder_pos_embed_learned_, diffusion_pos_embed_learned_})
    table.normal_(0.0, kTablesStart);
  for (const auto& part : modules(/*include_self=*/false)) {
    if (const auto* layer = dynamic_cast<const nn::LinearLayer*>(part.get())) nn::initialise_xavier(*layer);
    if (auto* norm = dynamic_cast<nn::VitNorm*>(part.get())) norm->initialise();
  }
  encoder_.initialise();
  decoder_.initialise();
  diffloss_->net().initialise();
  cond_diffloss_->net().initialise();
}

}  // namespace arzoo::image
