#pragma once

#include "image/kl_vae.h"
#include "nn/masked_sampling_options.h"

namespace arzoo::image {

/// How an MMAR generates pictures.
struct MmarGenerationOptions : nn::MaskedSamplingOptions {
  MmarGenerationOptions() : MaskedSamplingOptions{.cfg = 2.5, .steps = 16, .denoising_steps = 20} {}

  std::string denoising_solver = "ddim";

  static void fields(auto& o, auto& field) {
    MaskedSamplingOptions::fields(o, field);
    field("denoising_solver", o.denoising_solver, one_of({"ddim", "dpmpp_2m"}),
          "how the diffusion head is followed: step by step, or with the estimate of the step before as "
          "well, which needs fewer denoising_steps");
  }
};

/// Ids that are no words.
struct MmarSpecialTokens {
  int64_t pad = 0, bos = 1, eos = 2, boi = 3, eoi = 4;

  static void fields(auto& o, auto& field) {
    field("pad", o.pad, at_least(0), "padding");
    field("bos", o.bos, at_least(0), "begin of a sequence");
    field("eos", o.eos, at_least(0), "end of a caption");
    field("boi", o.boi, at_least(0), "begin of an image");
    field("eoi", o.eoi, at_least(0), "end of an image");
  }
};

/// MMAR (Yang et al., CVPR 2025, arXiv 2410.10798), a reconstruction: one decoder reads words and continuous
/// image tokens, and writes both. Names of the decoder are Qwen2's.
struct MmarOptions {
  using Generation = MmarGenerationOptions;
  static constexpr std::string_view kName = "mmar";
  static constexpr std::string_view kPaper = "Yang et al., MMAR, CVPR 2025; a reconstruction";
  static constexpr std::string_view kGenerates = "generate-image generate-text";

  int64_t img_size = 32;
  std::vector<std::string> words;
  int64_t vocab_size = 0;
  MmarSpecialTokens special_tokens;
  int64_t hidden_size = 128;
  int64_t num_hidden_layers = 4;
  int64_t num_attention_heads = 4;
  int64_t num_key_value_heads = 2;
  int64_t head_dim = 0;
  int64_t intermediate_size = 352;
  double rope_theta = 1e6;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = true;
  int64_t vit_dim = 128;
  int64_t vit_depth = 2;
  int64_t vit_heads = 4;
  int64_t diffloss_d = 3;
  int64_t diffloss_w = 128;
  int64_t diffusion_batch_mul = 4;
  std::string prediction = "v";
  double caption_drop_prob = 0.1;
  double stage1_share = 0.75;
  double stage1_mask_min = 0.7;
  double brightness = 0.0;
  double breadth = 0.0;
  std::vector<std::string> unseen;
  KlVaeOptions vae;

  static void fields(auto& o, auto& field) {
    field("img_size", o.img_size, at_least(1), "side of a picture in pixels");
    field(
        "words", o.words, {},
        "of captions, their ids follow those of special_tokens; training needs a, dark, bright, narrow, wide "
        "and the names of the classes");
    field("vocab_size", o.vocab_size, at_least(0), "ids; 0 for the special ones and the words");
    field("special_tokens", o.special_tokens, {}, "ids that are no words");
    field("hidden_size", o.hidden_size, at_least(1), "width of the decoder");
    field("num_hidden_layers", o.num_hidden_layers, between(1, 1024), "blocks of the decoder");
    field("num_attention_heads", o.num_attention_heads, at_least(1), "attention heads of the decoder");
    field("num_key_value_heads", o.num_key_value_heads, at_least(1),
          "heads of keys and values, shared by groups of heads");
    field("head_dim", o.head_dim, at_least(0), "width of a head; 0 for hidden_size / num_attention_heads");
    field("intermediate_size", o.intermediate_size, at_least(1), "hidden width of the feed-forward layer");
    field("rope_theta", o.rope_theta, more_than(0), "base of the rotary frequencies");
    field("rms_norm_eps", o.rms_norm_eps, more_than(0), "added to the mean square in normalisation");
    field("tie_word_embeddings", o.tie_word_embeddings, {}, "words are read and written by the same matrix");
    field("vit_dim", o.vit_dim, at_least(1), "width of the blocks that read image tokens");
    field("vit_depth", o.vit_depth, between(0, 1024), "blocks that read image tokens");
    field("vit_heads", o.vit_heads, at_least(1), "their attention heads");
    field("diffloss_d", o.diffloss_d, at_least(1), "blocks of the diffusion head");
    field("diffloss_w", o.diffloss_w, at_least(1), "width of the diffusion head");
    field("diffusion_batch_mul", o.diffusion_batch_mul, at_least(1),
          "in training: noised copies of each token");
    field("prediction", o.prediction, one_of({"epsilon", "v"}),
          "what the diffusion head predicts: the noise, or the velocity");
    field("caption_drop_prob", o.caption_drop_prob, between(0, 1),
          "probability of training a picture without its caption, for classifier-free guidance");
    field(
        "stage1_share", o.stage1_share, between(0, 1),
        "share of the training that masks at least stage1_mask_min of a picture; later any share is masked");
    field("stage1_mask_min", o.stage1_mask_min, from_below(0, 1),
          "least share of masked image tokens in that stage");
    field("brightness", o.brightness, between(0, 1),
          "mean grey level from which on a picture is bright; 0: measured when training begins, the median");
    field("breadth", o.breadth, between(0, 1),
          "share of the picture's width from which on what it shows is wide; 0: measured likewise");
    field(
        "unseen", o.unseen, {},
        "captions whose pictures are left out of the training, to measure compositions that the model never "
        "saw");
    field("vae", o.vae, {}, "the tokenizer, a model \"kl_vae\"");
  }
  void check() const {
    require(img_size % vae.downsampling() == 0, "img_size ({}) must be a multiple of a token's {} pixels",
            img_size, vae.downsampling());
    require(head_dim > 0 || hidden_size % num_attention_heads == 0,
            "hidden_size ({}) must be a multiple of num_attention_heads ({})", hidden_size,
            num_attention_heads);
    require(num_attention_heads % num_key_value_heads == 0,
            "num_attention_heads ({}) must be a multiple of num_key_value_heads ({})", num_attention_heads,
            num_key_value_heads);
    require(head_width() % 2 == 0, "rotary positions need an even head_dim, got {}", head_width());
    require(vit_dim % vit_heads == 0, "vit_dim ({}) must be a multiple of vit_heads ({})", vit_dim,
            vit_heads);
    const auto& ids = special_tokens;
    for (const int64_t id : {ids.pad, ids.bos, ids.eos, ids.boi, ids.eoi})
      require(id < vocabulary(), "special_tokens: {} is no id of {}", id, vocabulary());
  }
  int64_t side() const { return img_size / vae.downsampling(); }
  int64_t tokens() const { return side() * side(); }
  int64_t head_width() const { return head_dim > 0 ? head_dim : hidden_size / num_attention_heads; }
  /// The id of the first word.
  int64_t first_word() const {
    const auto& ids = special_tokens;
    int64_t last = 0;
    for (const int64_t id : {ids.pad, ids.bos, ids.eos, ids.boi, ids.eoi}) last = id > last ? id : last;
    return last + 1;
  }
  int64_t vocabulary() const {
    return vocab_size > 0 ? vocab_size : first_word() + static_cast<int64_t>(words.size());
  }
};

/// The names that the optimiser does not decay, as patterns for TrainingOptions::no_weight_decay: biases,
/// norms, tables and the diffusion head.
inline std::vector<std::string> no_weight_decay_mmar_names() {
  return {"*bias",
          "*norm1.weight",
          "*norm2.weight",
          "*layernorm.weight",
          "model.norm",
          "norm",
          "norm_in",
          "embedding_vit.mask_token",
          "embedding_vit.pos_embed",
          "diffloss"};
}

}  // namespace arzoo::image
