#pragma once

#include <string>

#include "core/options_among.h"

namespace arzoo::speech {

/// CASS-NAT (Fan et al., "CASS-NAT: CTC Alignment-based Single Step Non-autoregressive Transformer for Speech
/// Recognition", ICASSP 2021, and 2304.07611; Diamondfan/cassnat_asr).
struct CassNatOptions {
  static constexpr std::string_view kName = "cassnat";
  static constexpr std::string_view kPaper = "Fan et al., CASS-NAT, ICASSP 2021";

  std::string model_type = "conformer";
  std::string pos_type = "relative";
  int64_t d_model = 256;
  int64_t n_head = 4;
  double dropout = 0.1;
  bool use_conv_enc = true;
  int64_t N_enc = 12;
  int64_t d_encff = 1024;
  int64_t enc_kernel_size = 15;
  int64_t enc_max_relative_len = 20;
  bool use_conv_dec = true;
  int64_t N_extra = 1;
  int64_t N_self_dec = 5;
  int64_t N_mix_dec = 2;
  int64_t d_decff = 1024;
  int64_t d_ff = 2048;
  int64_t dec_kernel_size = 3;
  int64_t dec_max_relative_len = 4;
  bool share_ff = false;
  double ctc_alpha = 0.5;
  double att_alpha = 1.0;
  double interctc_alpha = 0.0;
  int64_t interctc_layer = 0;
  double interce_alpha = 0.0;
  int64_t interce_layer = 0;
  double label_smooth = 0.1;
  int64_t sample_topk = 0;
  int64_t left_trigger = 0;
  int64_t right_trigger = 0;
  bool trigger_neighbours = false;
  bool use_unimask = false;
  bool src_trigger = false;
  int64_t sample_num = 1;
  double threshold = 0.9;
  int64_t input_size = 80;
  int64_t vocab_size = 4232;

  static void fields(auto& o, auto& field) {
    field("model_type", o.model_type, one_of({"conformer", "transformer"}), "kind of the blocks");
    field("pos_type", o.pos_type, one_of({"relative", "absolute"}), "positions of conformer blocks");
    field("d_model", o.d_model, between(4, 1 << 16), "width of a frame, even");
    field("n_head", o.n_head, between(1, 1024), "attention heads");
    field("dropout", o.dropout, from_below(0, 1), "dropout");
    field("use_conv_enc", o.use_conv_enc, {}, "convolution modules in the encoder (conformer)");
    field("N_enc", o.N_enc, between(1, 1024), "encoder layers");
    field("d_encff", o.d_encff, between(1, 1 << 18), "hidden width of the encoder's feed-forward layers");
    field("enc_kernel_size", o.enc_kernel_size, between(1, 1023), "taps of the encoder's convolutions, odd");
    field("enc_max_relative_len", o.enc_max_relative_len, between(1, 1 << 16),
          "frames apart from which positions of the encoder are the same");
    field("use_conv_dec", o.use_conv_dec, {}, "convolution modules in the decoders (conformer)");
    field("N_extra", o.N_extra, between(1, 64), "layers that extract token acoustic embeddings");
    field("N_self_dec", o.N_self_dec, between(0, 1024), "layers of the self-attention decoder");
    field("N_mix_dec", o.N_mix_dec, between(0, 1024), "layers of the mixed-attention decoder");
    field("d_decff", o.d_decff, between(1, 1 << 18), "hidden width of the decoders' feed-forward layers");
    field("d_ff", o.d_ff, between(1, 1 << 18),
          "hidden width of the extractor's feed-forward layer (use_conv_dec; else d_decff)");
    field("dec_kernel_size", o.dec_kernel_size, between(1, 1023), "taps of the decoders' convolutions, odd");
    field("dec_max_relative_len", o.dec_max_relative_len, between(1, 1 << 16), "the same of tokens");
    field("share_ff", o.share_ff, {}, "both feed-forward layers of a conformer layer are one");
    field("ctc_alpha", o.ctc_alpha, more_than(0), "weight of the CTC loss");
    field("att_alpha", o.att_alpha, at_least(0), "weight of the decoder's loss");
    field("interctc_alpha", o.interctc_alpha, at_least(0),
          "weight of a CTC loss inside of the encoder; 0: none");
    field("interctc_layer", o.interctc_layer, at_least(0), "layer that it is behind");
    field("interce_alpha", o.interce_alpha, at_least(0), "weight of a loss inside of the decoders; 0: none");
    field("interce_layer", o.interce_layer, at_least(0), "layer that it is behind, counted through both");
    field("label_smooth", o.label_smooth, from_below(0, 1), "label smoothing");
    field("sample_topk", o.sample_topk, between(0, 1 << 16),
          "frames of a batch at which Viterbi's path takes its second best predecessor; fewer than 2: none");
    field("left_trigger", o.left_trigger, between(0, 1), "1: a token sees one frame before its own too");
    field("right_trigger", o.right_trigger, between(0, 1), "1: and one frame behind them");
    field("trigger_neighbours", o.trigger_neighbours, {},
          "the triggers mean the frames of the neighbouring tokens");
    field("use_unimask", o.use_unimask, {}, "the mixed-attention decoder sees earlier tokens only");
    field("src_trigger", o.src_trigger, {}, "the mixed-attention decoder sees a token's own frames only");
    field("sample_num", o.sample_num, between(1, 1000),
          "alignments sampled in recognition (error-based sampling); 1: the greedy one");
    field("threshold", o.threshold, between(0, 1), "frames with a smaller best probability are sampled");
    field("input_size", o.input_size, between(4, 1 << 16), "numbers of a frame");
    field("vocab_size", o.vocab_size, between(5, 1 << 22), "tokens, with blank 0, sos 1, eos 2, unk 3");
  }
  void check() const {
    require(d_model % n_head == 0 && d_model % 2 == 0,
            "d_model ({}) must be even and a multiple of n_head ({})", d_model, n_head);
    require(enc_kernel_size % 2 == 1 && dec_kernel_size % 2 == 1, "kernel sizes must be odd, got {} and {}",
            enc_kernel_size, dec_kernel_size);
    require(!has_conv_decoder() || N_extra == 1,
            "N_extra must be 1 with convolutions in the decoders, got {}", N_extra);
    require(interctc_alpha == 0 || (interctc_layer >= 1 && interctc_layer <= N_enc),
            "interctc_layer ({}) must be between 1 and N_enc ({})", interctc_layer, N_enc);
    require(interce_alpha == 0 || (interce_layer >= 1 && interce_layer <= N_self_dec + N_mix_dec),
            "interce_layer ({}) must be between 1 and the decoders' layers ({})", interce_layer,
            N_self_dec + N_mix_dec);
  }

  bool has_conv_encoder() const { return model_type == "conformer" && use_conv_enc; }
  bool has_conv_decoder() const { return model_type == "conformer" && use_conv_dec; }
};

/// Of an official configuration, whose triggers may be texts, which means those of the neighbours.
CassNatOptions official_cassnat_options(const Config& config);

}  // namespace arzoo::speech
