#pragma once

#include "core/config.h"
#include "nn/decoder_options.h"

namespace arzoo::language {

/// Block Transformer (Ho et al., "Block Transformer: Global-to-Local Language Modeling for Fast Inference",
/// NeurIPS 2024; itsnamgyu/block-transformer), under the official options.
struct BlockTransformerOptions {
  static constexpr std::string_view kName = "block_transformer";
  static constexpr std::string_view kPaper = "Ho et al., Block Transformer, NeurIPS 2024";
  static constexpr std::string_view kGenerates = "generate-text score";

  int64_t block_length = 4;
  int64_t vocab_size = 257;
  int64_t hidden_size = 128;
  int64_t embedder_hidden_size = 0;
  int64_t token_hidden_size = 0;
  int64_t block_layers = 3;
  int64_t token_layers = 3;
  int64_t num_attention_heads = 4;
  int64_t expansion_ratio = 2;
  std::string projection_method = "concat";
  std::string expansion_method = "expansion_layer";
  std::string decoding_strategy = "prefix";
  double rotary_pct = 0.25;
  double rotary_emb_base = 10000.0;
  double layer_norm_eps = 1e-5;
  std::string hidden_act = "gelu";
  bool use_parallel_residual = true;
  int64_t eos_token_id = 256;
  int64_t pad_token_id = 0;
  bool random_pad_first_block = true;
  std::string from = {};
  std::string from_method = "partition";
  bool from_mean_embedder = true;
  bool from_identity_expansion = true;
  bool from_computed_embeddings = false;

  static void fields(auto& o, auto& field) {
    field("block_length", o.block_length, between(1, 1024), "tokens of a block");
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embeddings; 257 for bytes");
    field("hidden_size", o.hidden_size, between(1, 65536), "width of a block's vector");
    field("embedder_hidden_size", o.embedder_hidden_size, between(0, 65536),
          "width of an embedded token; 0 for hidden_size / block_length (concat) or hidden_size");
    field("token_hidden_size", o.token_hidden_size, between(0, 65536),
          "width of the token decoder; 0 for hidden_size");
    field("block_layers", o.block_layers, between(1, 1024), "layers of the block decoder");
    field("token_layers", o.token_layers, between(1, 1024), "layers of the token decoder");
    field("num_attention_heads", o.num_attention_heads, between(1, 1024), "attention heads of both");
    field("expansion_ratio", o.expansion_ratio, between(1, 1024),
          "vectors that the token decoder is given of a block; block_length for summation");
    field("projection_method", o.projection_method, one_of({"concat", "projection_layer"}),
          "how a block's tokens become its vector: side by side, or by a convolution");
    field("expansion_method", o.expansion_method, one_of({"expansion_layer", "none"}),
          "how these vectors are made: by a linear map, or as copies of the block's");
    field("decoding_strategy", o.decoding_strategy, one_of({"prefix", "summation"}),
          "what the token decoder does with a block's vectors: reads them before the tokens, or adds them");
    field("rotary_pct", o.rotary_pct, between(0, 1), "share of a head that turns");
    field("rotary_emb_base", o.rotary_emb_base, more_than(1), "base of the rotary frequencies");
    field("layer_norm_eps", o.layer_norm_eps, more_than(0), "added to the variance");
    field("hidden_act", o.hidden_act, one_of({"gelu", "gelu_new", "relu"}), "activation");
    field("use_parallel_residual", o.use_parallel_residual, {},
          "attention and feed-forward layer read the same tokens");
    field("eos_token_id", o.eos_token_id, at_least(0), "id that ends a text; summation reads it first");
    field("pad_token_id", o.pad_token_id, at_least(0), "id before a prompt that fills no whole block");
    field("random_pad_first_block", o.random_pad_first_block, {},
          "training rows begin with a random number of padding tokens, fewer than a block");
    field("from", o.from, a_path(), "GPT-NeoX folder to start from; empty for fresh weights");
    field("from_method", o.from_method, one_of({"partition", "skip", "duplicate"}),
          "which of its layers the two decoders take: the first and the rest, every second, or all");
    field("from_mean_embedder", o.from_mean_embedder, {},
          "begin with the mean of a block's tokens as its vector (projection_layer)");
    field("from_identity_expansion", o.from_identity_expansion, {},
          "begin with copies of a block's vector for the token decoder");
    field("from_computed_embeddings", o.from_computed_embeddings, {},
          "begin with the block decoder's results of single tokens as the token decoder's embedding");
  }
  void check() const {
    block_decoder().check();
    token_decoder().check();
    require(projection_method != "concat" || embedded() * block_length == hidden_size,
            "block_length ({}) tokens of embedder_hidden_size ({}) must make hidden_size ({})", block_length,
            embedded(), hidden_size);
    require(decoding_strategy != "summation" || expansion_ratio == block_length,
            "expansion_ratio ({}) must be block_length ({}) for summation", expansion_ratio, block_length);
    require(expansion_method == "expansion_layer" || token_width() == hidden_size,
            "token_hidden_size ({}) must be hidden_size ({}) without an expansion_layer", token_width(),
            hidden_size);
    require(eos_token_id < vocab_size && pad_token_id < vocab_size,
            "eos_token_id ({}) and pad_token_id ({}) must be below vocab_size ({})", eos_token_id,
            pad_token_id, vocab_size);
  }

  int64_t embedded() const {
    if (embedder_hidden_size > 0) return embedder_hidden_size;
    return projection_method == "concat" ? hidden_size / block_length : hidden_size;
  }
  int64_t token_width() const { return token_hidden_size > 0 ? token_hidden_size : hidden_size; }
  bool is_prefix() const { return decoding_strategy == "prefix"; }
  nn::DecoderOptions block_decoder() const { return decoder(hidden_size, block_layers); }
  nn::DecoderOptions token_decoder() const { return decoder(token_width(), token_layers); }

 private:
  nn::DecoderOptions decoder(int64_t width, int64_t layers) const {
    nn::DecoderOptions o;
    o.n_embd = width;
    o.n_layer = layers;
    o.n_head = num_attention_heads;
    o.feed_forward = hidden_act == "gelu_new" ? "gelu_tanh" : hidden_act;
    o.residual = use_parallel_residual ? "parallel" : "pre_norm";
    o.positions = "rotary";
    o.rope_theta = rotary_emb_base;
    o.rotary_part = rotary_pct;
    o.layer_norm_epsilon = layer_norm_eps;
    o.fused_by_head = true;
    return o;
  }
};

}  // namespace arzoo::language
