#pragma once

#include <cmath>
#include <optional>

#include "image/llamagen_vq.h"
#include "nn/value_memory_options.h"

namespace arzoo::image {

/// How a LlamaGen samples.
struct LlamaGenGenerationOptions {
  double cfg = 2.0;
  int64_t cfg_interval = -1;
  int64_t top_k = 0;
  double top_p = 1.0;
  double temperature = 1.0;
  std::string decode = "one_by_one";
  int64_t window = 16;
  std::string fresh = "left";
  int64_t drafts = 4;
  std::string tree = "likely";
  int64_t tree_top_k = 10;
  int64_t tree_depth = 4;
  int64_t tree_nodes = 59;
  double relax = 0.0;
  int64_t relax_codes = 1000;
  bool relax_shuffled = false;

  static void fields(auto& o, auto& field) {
    field("cfg", o.cfg, at_least(0), "guidance scale; up to 1 none");
    field("cfg_interval", o.cfg_interval, at_least(-1),
          "guide the first token and as many more as this, plus one; -1 for all");
    field("top_k", o.top_k, at_least(0), "sample among the K most likely codes, 0 for all");
    field("top_p", o.top_p, between(0, 1),
          "sample among the most likely codes that together have this probability, 0 or 1 for all");
    field("temperature", o.temperature, more_than(0),
          "divides the logits before the filters: lower is more deterministic");
    field("decode", o.decode, one_of({"one_by_one", "jacobi", "sjd", "speculative", "eagle"}),
          "how tokens are found, without a change of their distribution: one_by_one; jacobi: a window of "
          "drafts is verified at once, with the same noise at a place in every pass, which gives the same "
          "pictures as one_by_one; sjd: drafts are accepted by the ratio of probabilities; speculative: "
          "--drafter, a smaller llamagen, makes the drafts; eagle: --drafter, an eagle of the model, makes "
          "trees of them");
    field("window", o.window, between(1, 4096), "jacobi, sjd: tokens of one pass");
    field(
        "fresh", o.fresh, one_of({"random", "left", "upper"}),
        "jacobi, sjd: what new places of the window begin with: any code, the left or the upper neighbour's");
    field("drafts", o.drafts, between(1, 1024), "speculative: drafts of one pass");
    field(
        "tree", o.tree, one_of({"likely", "drawn"}),
        "eagle: likely, the most likely paths; drawn, one path of samples of the drafter with other samples "
        "beside each, of which more are accepted where codes are about equally likely");
    field("tree_top_k", o.tree_top_k, between(1, 256), "eagle: children of a node, and nodes of a level");
    field("tree_depth", o.tree_depth, between(0, 64), "eagle: levels behind the first");
    field("tree_nodes", o.tree_nodes, between(2, 1024), "eagle: nodes of a tree, its root included");
    field("relax", o.relax, at_least(0),
          "eagle: accept codes in place of near ones, lossy (LANTERN): the probability that may move, below "
          "1; above 1 (LANTERN++), 1 more than its largest share of the draft's own; 0 for lossless");
    field("relax_codes", o.relax_codes, at_least(1), "eagle: codes that count as near, at most");
    field("relax_shuffled", o.relax_shuffled, {},
          "eagle: each code has another's near codes, a control: what relaxation gains by codes that are not "
          "alike");
  }
  void check() const { require(relax != 1.0, "relax 1 would accept every draft"); }
};

/// LlamaGen (Sun et al., 2024): the tokens of a picture one after the other, row by row, by a transformer of
/// the LLaMA line, from a class or from a caption. Names are the official class's; the defaults are those of
/// c2i_B_256.pt.
struct LlamaGenOptions {
  using Generation = LlamaGenGenerationOptions;
  static constexpr std::string_view kName = "llamagen";
  static constexpr std::string_view kPaper = "Sun et al., LlamaGen, 2024";
  static constexpr std::string_view kGenerates = "generate-image";

  int64_t dim = 768;
  int64_t n_layer = 12;
  int64_t n_head = 12;
  std::optional<int64_t> n_kv_head;
  int64_t multiple_of = 256;
  std::optional<double> ffn_dim_multiplier;
  double rope_base = 10000.0;
  double norm_eps = 1e-5;
  double initializer_range = 0.02;
  double token_dropout_p = 0.1;
  double attn_dropout_p = 0.0;
  double resid_dropout_p = 0.1;
  double ffn_dropout_p = 0.1;
  double drop_path_rate = 0.0;
  int64_t num_classes = 1000;
  int64_t caption_dim = 2048;
  double class_dropout_prob = 0.1;
  std::string model_type = "c2i";
  int64_t vocab_size = 16384;
  int64_t cls_token_num = 1;
  int64_t block_size = 256;
  nn::ValueMemoryOptions value_memory;
  LlamaGenVqOptions vae;

  static void fields(auto& o, auto& field) {
    field("dim", o.dim, at_least(1), "width of a token");
    field("n_layer", o.n_layer, between(1, 1024), "transformer blocks");
    field("n_head", o.n_head, at_least(1), "attention heads");
    field("n_kv_head", o.n_kv_head, at_least(1), "heads of keys and values; n_head when not given");
    field("multiple_of", o.multiple_of, at_least(1),
          "the width of the feed-forward layer is rounded up to a multiple of this");
    field("ffn_dim_multiplier", o.ffn_dim_multiplier, more_than(0),
          "factor on the width of the feed-forward layer before it is rounded; 1 when not given");
    field("rope_base", o.rope_base, more_than(0), "base of the rotary frequencies");
    field("norm_eps", o.norm_eps, more_than(0), "added to the mean square in normalisation");
    field("initializer_range", o.initializer_range, more_than(0),
          "standard deviation of the initial weights; those that give the logits start at 0");
    field("token_dropout_p", o.token_dropout_p, from_below(0, 1), "dropout on the embedded tokens");
    field("attn_dropout_p", o.attn_dropout_p, from_below(0, 1), "dropout on the attention's probabilities");
    field("resid_dropout_p", o.resid_dropout_p, from_below(0, 1), "dropout on what attention adds");
    field("ffn_dropout_p", o.ffn_dropout_p, from_below(0, 1), "dropout on what the feed-forward layer adds");
    field("drop_path_rate", o.drop_path_rate, from_below(0, 1),
          "stochastic depth of the last block; the official trainer then sets the two dropouts above to 0");
    field("num_classes", o.num_classes, at_least(1), "classes, without the null class");
    field("caption_dim", o.caption_dim, at_least(1), "t2i: width of the caption's features");
    field("class_dropout_prob", o.class_dropout_prob, between(0, 1),
          "probability of training a sample without its class or caption, for classifier-free guidance");
    field("model_type", o.model_type, one_of({"c2i", "t2i"}),
          "what a picture is generated of: c2i, a class; t2i, the features of a caption");
    field("vocab_size", o.vocab_size, at_least(1), "codes");
    field("cls_token_num", o.cls_token_num, at_least(1), "tokens before the picture's: 1, of captions 120");
    field("block_size", o.block_size, at_least(1), "tokens of a picture, a square number");
    field("value_memory", o.value_memory, {}, "value embeddings by token id");
    field("vae", o.vae, {}, "the tokenizer, a model \"llamagen_vq\"");
  }
  void check() const {
    require(dim % n_head == 0 && dim / n_head % 4 == 0,
            "dim ({}) must be n_head ({}) times a multiple of 4, since rows and columns rotate pairs", dim,
            n_head);
    require(n_head % kv_heads() == 0, "n_head ({}) must be a multiple of n_kv_head ({})", n_head, kv_heads());
    require(side() * side() == block_size, "block_size ({}) must be a square number", block_size);
    require(!by_caption() || class_dropout_prob > 0, "a t2i model needs a class_dropout_prob above 0");
    require(by_caption() || cls_token_num == 1, "a c2i model has one cls_token_num, got {}", cls_token_num);
  }
  /// Options that concern its training, not the network.
  static std::vector<std::string> of_training() {
    return {"token_dropout_p", "attn_dropout_p", "resid_dropout_p", "ffn_dropout_p", "drop_path_rate"};
  }

  int64_t kv_heads() const { return n_kv_head.value_or(n_head); }
  int64_t head_width() const { return dim / n_head; }
  /// Of the feed-forward layer.
  int64_t hidden_width() const {
    int64_t width = 2 * 4 * dim / 3;
    if (ffn_dim_multiplier) width = static_cast<int64_t>(*ffn_dim_multiplier * static_cast<double>(width));
    return (width + multiple_of - 1) / multiple_of * multiple_of;
  }
  /// Tokens along a side of the picture.
  int64_t side() const {
    return static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(block_size))));
  }
  /// Pixels of a picture's side.
  int64_t pixels() const { return side() * vae.downsampling(); }
  bool by_caption() const { return model_type == "t2i"; }
  /// There is a null class, so that pictures can be guided.
  bool can_guide() const { return class_dropout_prob > 0; }
};

}  // namespace arzoo::image
