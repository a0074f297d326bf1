#include "image/mmar_model.h"

#include <torch/torch.h>

#include "nn/linear_start.h"
#include "nn/storage_type.h"

namespace arzoo::image {
namespace {

constexpr double kVitEpsilon = 1e-6, kTableStart = 0.02;

nn::DecoderOptions qwen_options(const MmarOptions& options) {
  nn::DecoderOptions decoder;
  decoder.n_embd = options.hidden_size;
  decoder.n_layer = options.num_hidden_layers;
  decoder.n_head = options.num_attention_heads;
  decoder.n_kv_head = options.num_key_value_heads;
  decoder.head_dim = options.head_dim;
  decoder.n_inner = options.intermediate_size;
  decoder.feed_forward = "gated";
  decoder.norm = "rms_norm";
  decoder.positions = "rotary";
  decoder.layer_norm_epsilon = options.rms_norm_eps;
  decoder.rope_theta = options.rope_theta;
  return decoder;
}

/// Places [B, width] that hold the first lengths[b] of each row.
at::Tensor beginnings(const at::Tensor& lengths, int64_t width) {
  return at::arange(width, lengths.options()).unsqueeze(0) < lengths.unsqueeze(1);
}

at::Tensor repeated_id(const at::Tensor& like, int64_t id, int64_t count = 1) {
  return at::full({like.size(0), count}, id, like.options());
}

}  // namespace

Captions Captions::without(const at::Tensor& dropped) const {
  return {words, at::where(dropped.to(lengths.device()), at::zeros_like(lengths), lengths)};
}

EmbeddingVit::EmbeddingVit(const MmarOptions& options)
    : stack_(options.vit_depth,
             {.width = options.vit_dim, .heads = options.vit_heads, .norm_eps = kVitEpsilon}) {
  mask_token_ = register_parameter("mask_token", at::empty({1, 1, options.vit_dim}));
  pos_embed_ = register_parameter("pos_embed", at::empty({1, options.tokens(), options.vit_dim}));
  z_proj_ =
      register_module("z_proj", std::make_shared<nn::LinearLayer>(options.vae.embed_dim, options.vit_dim));
  norm_in_ = register_module("norm_in", std::make_shared<nn::VitNorm>(options.vit_dim, kVitEpsilon));
  stack_.register_in(*this, "blocks", "norm");
}

at::Tensor EmbeddingVit::forward(const at::Tensor& tokens, const at::Tensor& masked) const {
  const auto read = z_proj_->forward(tokens.to(z_proj_->type()));
  const auto rows = at::where(masked.unsqueeze(-1), mask_token_.to(read.scalar_type()), read) + pos_embed_;
  return stack_.forward(norm_in_->forward(rows), z_proj_->type());
}

void EmbeddingVit::initialise() {
  const torch::NoGradGuard no_grad;
  mask_token_.normal_(0.0, kTableStart);
  pos_embed_.normal_(0.0, kTableStart);
}

Mmar::Mmar(const MmarOptions& options) : options_(options) {
  const int64_t width = options.hidden_size, channels = options.vae.embed_dim;
  model_ = register_module(
      "model", std::make_shared<nn::NamedDecoder>(qwen_options(options), nn::kLlamaNames,
                                                  nn::DecoderBiases{.qkv = true}, options.vocabulary()));
  if (!options.tie_word_embeddings) {
    lm_head_ = register_module("lm_head", std::make_shared<nn::LinearLayer>(width, options.vocabulary(),
                                                                            /*with_bias=*/false));
  }
  embedding_vit_ = register_module("embedding_vit", std::make_shared<EmbeddingVit>(options));
  const auto projector = register_module("vis_projector", std::make_shared<torch::nn::Module>());
  projector_in_ = projector->register_module("0", std::make_shared<nn::LinearLayer>(options.vit_dim, width));
  projector_out_ = projector->register_module("2", std::make_shared<nn::LinearLayer>(width, width));
  diffloss_ = register_module("diffloss", std::make_shared<nn::DiffusionLoss>(nn::DiffusionHeadOptions{
                                              .channels = channels,
                                              .condition_width = width,
                                              .width = options.diffloss_w,
                                              .depth = options.diffloss_d,
                                              .outputs = channels,
                                              .prediction = nn::prediction_of(options.prediction)}));
}

MmarSequence Mmar::sequence_of(const at::Tensor& ids) const {
  MmarSequence sequence;
  sequence.ids = ids;
  const int64_t places = ids.size(1);
  const auto is_slot = ids.eq(MmarSequence::kSlot);
  // The slots of a row lie in a line: their first place and all behind it.
  const auto first = is_slot.to(at::kInt).argmax(1, /*keepdim=*/true);
  sequence.slots = first + at::arange(options_.tokens(), ids.options());
  const auto at_place = at::arange(places, ids.options());
  const auto before = at_place.unsqueeze(0) <= at_place.unsqueeze(1);  // [query, key]
  const auto both = is_slot.unsqueeze(2).logical_and(is_slot.unsqueeze(1));
  const auto seen =
      before.unsqueeze(0).logical_or(both).logical_and(ids.ne(options_.special_tokens.pad).unsqueeze(1));
  // Finite, as kernels::causal_bias: a padding place sees the beginning in any case.
  constexpr double kUnseen = -1e9;
  sequence.bias = at::zeros(seen.sizes(), ids.options().dtype(at::kFloat))
                      .masked_fill(seen.logical_not(), kUnseen)
                      .unsqueeze(1);
  return sequence;
}

MmarSequence Mmar::text_to_image(const Captions& captions) const {
  const auto& special = options_.special_tokens;
  const auto& [words, lengths] = captions;
  const int64_t width = words.size(1), tail = options_.tokens() + 2;
  // What follows the words is moved to where they end.
  auto ids = at::cat({repeated_id(words, special.bos), words, repeated_id(words, special.pad, tail)}, 1);
  ids.narrow(1, 1, width).masked_fill_(beginnings(lengths, width).logical_not(), special.pad);
  const auto behind =
      at::cat({repeated_id(words, special.boi), repeated_id(words, MmarSequence::kSlot, options_.tokens()),
               repeated_id(words, special.eoi)},
              1);
  const auto places = lengths.unsqueeze(1) + 1 + at::arange(tail, words.options());
  return sequence_of(ids.scatter(1, places, behind));
}

MmarSequence Mmar::image_to_text(const Captions& captions, bool with_end) const {
  const auto& special = options_.special_tokens;
  const auto& [words, lengths] = captions;
  const int64_t width = words.size(1);
  auto text = at::cat({words, repeated_id(words, special.pad)}, 1);
  text.masked_fill_(beginnings(lengths, width + 1).logical_not(), special.pad);
  if (with_end) text.scatter_(1, lengths.unsqueeze(1), repeated_id(words, special.eos));
  return sequence_of(at::cat(
      {repeated_id(words, special.bos), repeated_id(words, special.boi),
       repeated_id(words, MmarSequence::kSlot, options_.tokens()), repeated_id(words, special.eoi), text},
      1));
}

at::Tensor Mmar::visual(const at::Tensor& vision) const {
  const auto hidden = projector_in_->forward(vision.to(projector_in_->type()), kernels::Activation::gelu);
  return projector_out_->forward(hidden);
}

at::Tensor Mmar::states(const MmarSequence& sequence, const at::Tensor& visual,
                        nn::DecoderTrace* trace) const {
  const auto words = model_->embedded(sequence.ids.clamp_min(0)).to(visual.scalar_type());
  const auto index = sequence.slots.unsqueeze(-1).expand_as(visual);
  nn::DecoderPass pass;
  pass.bias = sequence.bias.to(visual.scalar_type());
  pass.trace = trace;
  return model_->forward(words.scatter(1, index, visual), pass);
}

at::Tensor Mmar::logits(const at::Tensor& states) const {
  return lm_head_ != nullptr ? lm_head_->forward(states)
                             : nn::linear(states, {model_->embedding().to(states.scalar_type()), {}});
}

at::Tensor Mmar::image_loss(const at::Tensor& tokens, const Captions& captions, const at::Tensor& masked,
                            const at::Tensor& t, const at::Tensor& noise) const {
  const auto sequence = text_to_image(captions);
  const auto z = conditions(sequence, states(sequence, visual(vision(tokens, masked))));
  const int64_t copies = options_.diffusion_batch_mul, count = tokens.size(0) * tokens.size(1);
  // Only masked tokens count, so only they are noised.
  const auto rows = masked.flatten().nonzero().squeeze(1);
  const auto of_all = [&](const at::Tensor& given) {
    return given.to(tokens.device()).unflatten(0, {copies, count}).index_select(1, rows).flatten(0, 1);
  };
  const auto target = tokens.flatten(0, 1).index_select(0, rows).repeat({copies, 1});
  const auto steps = t.defined()
                         ? of_all(t)
                         : at::randint(nn::DiffusionSchedule::kDiffusionSteps, {target.size(0)}, at::kLong)
                               .to(tokens.device());
  const auto numbers = noise.defined() ? of_all(noise) : at::randn(target.sizes()).to(tokens.device());
  const auto of_rows = z.flatten(0, 1).index_select(0, rows).repeat({copies, 1});
  return diffloss_->rows(target, of_rows, steps, numbers).errors.mse.mean();
}

at::Tensor Mmar::text_errors(const at::Tensor& logits, const MmarSequence& sequence,
                             const Captions& captions) const {
  // The place before a word or eos foretells it; eoi foretells the first.
  const int64_t first = options_.tokens() + 2, width = captions.words.size(1) + 1;
  const auto counted = beginnings(captions.lengths + 1, width);
  const auto targets = sequence.ids.narrow(1, first + 1, width).masked_select(counted);
  const auto rows = logits.narrow(1, first, width).to(at::kFloat);
  const auto kept = rows.masked_select(counted.unsqueeze(-1)).view({-1, rows.size(2)});
  return at::cross_entropy_loss(kept, targets, {}, at::Reduction::None);
}

at::Tensor Mmar::text_errors(const at::Tensor& tokens, const Captions& captions) const {
  const auto sequence = image_to_text(captions);
  const auto nothing = at::zeros({tokens.size(0), tokens.size(1)}, tokens.options().dtype(at::kBool));
  return text_errors(logits(states(sequence, visual(vision(tokens, nothing)))), sequence, captions);
}

void Mmar::set_type(at::ScalarType type) { nn::set_linear_type(*this, type); }

void Mmar::initialise() {
  const torch::NoGradGuard no_grad;
  model_->initialise();
  // The decoder's maps too: with Qwen2's deviation of 0.02 a narrow one hardly moves its states at first.
  for (const auto& part : modules(/*include_self=*/false)) {
    if (const auto* layer = dynamic_cast<const nn::LinearLayer*>(part.get())) nn::initialise_xavier(*layer);
    if (auto* norm = dynamic_cast<nn::VitNorm*>(part.get())) norm->initialise();
  }
  embedding_vit_->initialise();
  diffloss_->net().initialise();
}

}  // namespace arzoo::image
