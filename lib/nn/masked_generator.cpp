#include "nn/masked_generator.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/linear_start.h"
#include "nn/seeded_noise.h"

namespace arzoo::nn {
namespace {

constexpr double kProjectionEpsilon = 1e-6;
constexpr double kMaskSpread = 0.25;

VitOptions block_options(const MaskedGeneratorOptions& options, double norm_eps, int64_t width,
                         int64_t heads) {
  return {.width = width,
          .heads = heads,
          .mlp_ratio = options.mlp_ratio,
          .norm_eps = norm_eps,
          .attn_dropout = options.attn_dropout,
          .proj_dropout = options.proj_dropout};
}

double normal_share_below(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

}  // namespace

int64_t sample_masked_count(int64_t tokens, double least) {
  const double below = normal_share_below((least - 1.0) / kMaskSpread);
  const double share = below + (0.5 - below) * at::rand({}, at::kDouble).item<double>();
  const double ratio = 1.0 + kMaskSpread * at::special_ndtri(at::full({}, share, at::kDouble)).item<double>();
  const auto masked = std::ceil(static_cast<double>(tokens) * ratio);
  return std::clamp<int64_t>(static_cast<int64_t>(masked), 1, tokens);
}

MaskedGenerator::MaskedGenerator(const MaskedGeneratorOptions& options, const MaskedLayout& layout)
    : core_(options),
      layout_(layout),
      encoder_(options.encoder_depth,
               block_options(options, layout.norm_eps, options.encoder_embed_dim, options.encoder_num_heads)),
      decoder_(options.decoder_depth, block_options(options, layout.norm_eps, options.decoder_embed_dim,
                                                    options.decoder_num_heads)) {
  const int64_t encoder = options.encoder_embed_dim, decoder = options.decoder_embed_dim;
  register_tables();
  z_proj_ = register_module("z_proj", std::make_shared<LinearLayer>(layout.token_width, encoder));
  z_proj_ln_ = register_module("z_proj_ln", std::make_shared<VitNorm>(encoder, kProjectionEpsilon));
  encoder_.register_in(*this, "encoder_blocks", "encoder_norm");
  decoder_embed_ = register_module("decoder_embed", std::make_shared<LinearLayer>(encoder, decoder));
  decoder_.register_in(*this, "decoder_blocks", "decoder_norm");
  diffloss_ = register_module("diffloss", std::make_shared<DiffusionLoss>(DiffusionHeadOptions{
                                              .channels = layout.token_width,
                                              .condition_width = decoder,
                                              .width = options.diffloss_w,
                                              .depth = options.diffloss_d,
                                              .prediction = prediction_of(options.prediction)}));
}

void MaskedGenerator::register_tables() {
  const int64_t rows = layout_.buffer + layout_.tokens;
  const auto table = [&](const char* name, at::IntArrayRef sizes) {
    return register_parameter(name, at::empty(sizes));
  };
  fake_latent_ = table("fake_latent", {layout_.fake_rows, core_.encoder_embed_dim});
  encoder_pos_embed_learned_ = table("encoder_pos_embed_learned", {1, rows, core_.encoder_embed_dim});
  mask_token_ = table("mask_token", {1, 1, core_.decoder_embed_dim});
  decoder_pos_embed_learned_ = table("decoder_pos_embed_learned", {1, rows, core_.decoder_embed_dim});
  diffusion_pos_embed_learned_ =
      table("diffusion_pos_embed_learned", {1, layout_.tokens, core_.decoder_embed_dim});
}

at::Tensor MaskedGenerator::no_condition(int64_t samples) const {
  return fake_latent_.unsqueeze(0).expand({samples, layout_.buffer, core_.encoder_embed_dim});
}

at::Tensor MaskedGenerator::dropped(const at::Tensor& condition, const at::Tensor& uniform) const {
  const auto lost = uniform.lt(core_.label_drop_prob).to(condition.device()).view({-1, 1, 1});
  return at::where(lost, no_condition(condition.size(0)), condition);
}

at::Tensor MaskedGenerator::encoder_input(const at::Tensor& tokens, const VisibleTokens& visible,
                                          const at::Tensor& condition) const {
  const auto places = encoder_pos_embed_learned_.narrow(1, layout_.buffer, layout_.tokens);
  const auto slots = encoder_pos_embed_learned_.narrow(1, 0, layout_.buffer);
  // What is masked is left out before anything is computed of it: every row is treated alike.
  const auto seen = z_proj_->forward(visible_tokens(tokens, visible)) +
                    visible_tokens(places.expand({tokens.size(0), -1, -1}), visible);
  return z_proj_ln_->forward(at::cat({condition + slots, seen}, 1));
}

at::Tensor MaskedGenerator::encode(const at::Tensor& tokens, const VisibleTokens& visible,
                                   const at::Tensor& condition) const {
  return encoder_.forward(encoder_input(tokens, visible, condition), type_);
}

at::Tensor MaskedGenerator::decoder_input(const at::Tensor& encoded, const VisibleTokens& visible) const {
  const auto all = with_prefix(visible, layout_.buffer);
  return restored_tokens(decoder_embed_->forward(encoded), mask_token_, all) + decoder_pos_embed_learned_;
}

at::Tensor MaskedGenerator::decode(const at::Tensor& encoded, const VisibleTokens& visible,
                                   const at::Tensor& wanted) const {
  const auto rows = decoder_input(encoded, visible);
  if (!wanted.defined()) {
    const auto decoded = decoder_.forward(rows, type_).narrow(1, layout_.buffer, layout_.tokens);
    return decoded + diffusion_pos_embed_learned_;
  }
  const auto places = diffusion_pos_embed_learned_.expand({encoded.size(0), -1, -1});
  return decoder_.forward(rows, type_, wanted + layout_.buffer) + tokens_at(places, wanted);
}

MaskedGenerator::Trace MaskedGenerator::trace(const at::Tensor& tokens, const at::Tensor& condition,
                                              const MaskedRandomInputs& random_inputs) const {
  const auto visible = keep_all_but_first(random_inputs.orders, random_inputs.masked);
  const auto encoded = encode(tokens, visible, condition);
  const auto z = decode(encoded, visible);
  const auto repeated = [&](const at::Tensor& x) {
    return x.flatten(0, 1).repeat({core_.diffusion_batch_mul, 1});
  };
  return {encoder_.blocks().front()->forward(encoder_input(tokens, visible, condition)), encoded,
          decoder_.blocks().front()->forward(decoder_input(encoded, visible)), z,
          diffloss_->rows(repeated(tokens), repeated(z), random_inputs.t, random_inputs.noise)};
}

MaskedGenerator::Loss MaskedGenerator::loss(const at::Tensor& tokens, const at::Tensor& condition,
                                            const MaskedRandomInputs& random_inputs) const {
  const int64_t batch = tokens.size(0), length = layout_.tokens;
  const auto device = tokens.device();
  const auto orders =
      (random_inputs.orders.defined() ? random_inputs.orders : random_orders(batch, length)).to(device);
  const int64_t masked =
      random_inputs.masked >= 0 ? random_inputs.masked : sample_masked_count(length, core_.mask_ratio_min);
  const auto uniform = random_inputs.label_drop.defined() ? random_inputs.label_drop : at::rand({batch});
  const auto visible = keep_all_but_first(orders, masked);
  const auto wanted = std::get<0>(orders.narrow(1, 0, masked).sort(1));
  const auto z = decode(encode(tokens, visible, dropped(condition, uniform)), visible, wanted);
  // Only masked tokens count, so only they are noised: row b L + l of each copy.
  const auto first = at::arange(batch, orders.options()).mul_(length).unsqueeze(1);
  const auto rows = (wanted + first).flatten();
  const auto target = tokens.reshape({batch * length, -1}).index_select(0, rows);
  const int64_t copies = core_.diffusion_batch_mul;
  const auto of_all = [&](const at::Tensor& given) {
    const auto blocks = given.to(device).unflatten(0, {copies, batch * length});
    return blocks.index_select(1, rows).flatten(0, 1);
  };
  const auto t =
      random_inputs.t.defined()
          ? of_all(random_inputs.t)
          : at::randint(DiffusionSchedule::kDiffusionSteps, {copies * rows.size(0)}, at::kLong).to(device);
  const auto noise = random_inputs.noise.defined()
                         ? of_all(random_inputs.noise)
                         : at::randn({copies * rows.size(0), target.size(1)}).to(device);
  const auto errors =
      diffloss_->rows(target.repeat({copies, 1}), z.flatten(0, 1).repeat({copies, 1}), t, noise).errors;
  return {errors.mse.mean(), errors.vb.mean()};
}

void MaskedGenerator::initialise_core() {
  const torch::NoGradGuard no_grad;
  for (const auto& table : {fake_latent_, mask_token_, encoder_pos_embed_learned_, decoder_pos_embed_learned_,
                            diffusion_pos_embed_learned_})
    table.normal_(0.0, 0.02);
  for (const auto& part : modules(/*include_self=*/false)) {
    if (const auto* layer = dynamic_cast<const LinearLayer*>(part.get())) initialise_xavier(*layer);
    if (auto* norm = dynamic_cast<VitNorm*>(part.get())) norm->initialise();
  }
  diffloss_->net().initialise();
}

void MaskedGenerator::set_type(at::ScalarType type) {
  type_ = type;
  encoder_.set_type(type);
  decoder_.set_type(type);
  set_linear_type(*diffloss_, type);
}

}  // namespace arzoo::nn
