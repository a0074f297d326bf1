#pragma once

#include "core/config.h"
#include "shape3d/surface_cleaning.h"

namespace arzoo::shape3d {

/// The sizes of Argus3D's transformer, under the official keys.
struct Argus3dTransformerOptions {
  int64_t sequence_length = 1025;
  int64_t stage2_embed_dim = 3072;
  int64_t transformer_embed_dim = 3072;
  int64_t transformer_n_head = 24;
  int64_t transformer_layer = 32;
  int64_t position_num = 1024;
  bool init_with_vqvae = false;
  double embed_drop_p = 0.1;
  double attn_drop_p = 0.1;
  double resid_drop_p = 0.1;
  double mlp_drop_p = 0.01;

  static void fields(auto& o, auto& field) {
    field("sequence_length", o.sequence_length, between(2, 1 << 20), "tokens of a shape and one, the start");
    field("stage2_embed_dim", o.stage2_embed_dim, between(1, 65536),
          "width of the embeddings, transformer_embed_dim");
    field("transformer_embed_dim", o.transformer_embed_dim, between(1, 65536), "width of the blocks");
    field("transformer_n_head", o.transformer_n_head, between(1, 1024), "attention heads");
    field("transformer_layer", o.transformer_layer, between(1, 1024), "blocks");
    field("position_num", o.position_num, between(1, 1 << 20), "places that have an embedding, less one");
    field("init_with_vqvae", o.init_with_vqvae, {}, "only false: the released class fails with true");
    field("embed_drop_p", o.embed_drop_p, from_below(0, 1), "of no effect, as officially");
    field("attn_drop_p", o.attn_drop_p, from_below(0, 1), "dropout of the attention in training");
    field("resid_drop_p", o.resid_drop_p, from_below(0, 1), "dropout of what the attention adds");
    field("mlp_drop_p", o.mlp_drop_p, from_below(0, 1), "dropout of what the feed-forward layer adds");
  }
  void check() const {
    require(!init_with_vqvae, "init_with_vqvae must be false: the released class fails with true");
    require(stage2_embed_dim == transformer_embed_dim,
            "stage2_embed_dim ({}) must be transformer_embed_dim ({})", stage2_embed_dim,
            transformer_embed_dim);
    require(transformer_embed_dim % transformer_n_head == 0,
            "transformer_embed_dim ({}) must be a multiple of transformer_n_head ({})", transformer_embed_dim,
            transformer_n_head);
    require(sequence_length <= position_num + 1, "sequence_length ({}) must not exceed position_num + 1 ({})",
            sequence_length, position_num + 1);
  }
};

/// How an Argus3D samples.
struct Argus3dGenerationOptions {
  int64_t top_k = 250;
  double top_p = 0.0;
  double temperature = 1.0;
  int64_t smooth = 0;
  int64_t triangles = 0;

  static void fields(auto& o, auto& field) {
    field("top_k", o.top_k, at_least(0), "sample among the K most likely codes, 0 for all");
    field(
        "top_p", o.top_p, between(0, 1),
        "sample among the most likely codes that together have this probability, 0 for all (as officially)");
    field("temperature", o.temperature, at_least(0),
          "divides the logits: lower is more deterministic, 0 takes the most likely code");
    SurfaceCleaning::fields(o, field);
  }
};

/// Stage 2 of Argus3D (Qian et al., 2024): a GPT over the tokens of a shape, given its class. Names are the
/// official config's; the defaults are the released model's of 3.6 billion parameters.
struct Argus3dOptions {
  using Generation = Argus3dGenerationOptions;
  static constexpr std::string_view kName = "argus3d";
  static constexpr std::string_view kPaper = "Qian et al., Argus3D, 2024";
  static constexpr std::string_view kGenerates = "generate-3d";

  int64_t classes = 55;
  int64_t embedding_num = 8192;
  Argus3dTransformerOptions stage2_model_kwargs;

  static void fields(auto& o, auto& field) {
    field("classes", o.classes, between(1, 1 << 20), "classes");
    field("embedding_num", o.embedding_num, between(1, 1 << 20), "code vectors of the tokenizer");
    field("stage2_model_kwargs", o.stage2_model_kwargs, {}, "the transformer");
  }
  int64_t tokens() const { return stage2_model_kwargs.sequence_length - 1; }
};

}  // namespace arzoo::shape3d
