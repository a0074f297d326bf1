#pragma once

#include <string>

#include "core/options_among.h"

namespace arzoo::speech {

/// "encoder_conf": of a SANM encoder or of a conformer. The names are FunASR's, and so are the defaults.
struct EncoderOptions {
  int64_t output_size = 256;
  int64_t attention_heads = 4;
  int64_t linear_units = 2048;
  int64_t num_blocks = 6;
  double dropout_rate = 0.1;
  double positional_dropout_rate = 0.1;
  double attention_dropout_rate = 0.0;
  bool normalize_before = true;
  int64_t kernel_size = 11;
  int64_t sanm_shfit = 0;
  std::string activation_type = "swish";
  std::string pos_enc_layer_type = "rel_pos";
  bool macaron_style = false;
  bool use_cnn_module = true;
  int64_t cnn_module_kernel = 31;

  static void fields(auto& o, auto& field) {
    field("output_size", o.output_size, between(4, 1 << 16), "width of a frame, even");
    field("attention_heads", o.attention_heads, between(1, 1024), "attention heads");
    field("linear_units", o.linear_units, between(1, 1 << 18), "hidden width of the feed-forward layers");
    field("num_blocks", o.num_blocks, between(1, 1024), "encoder layers");
    field("dropout_rate", o.dropout_rate, from_below(0, 1), "dropout");
    field("positional_dropout_rate", o.positional_dropout_rate, from_below(0, 1),
          "dropout behind the positions");
    field("attention_dropout_rate", o.attention_dropout_rate, from_below(0, 1),
          "dropout on the attention weights");
    field("normalize_before", o.normalize_before, {},
          "normalisation before each part of a layer, else behind it");
    field("kernel_size", o.kernel_size, between(1, 1024), "taps of the FSMN memory (SANMEncoder)");
    field("sanm_shfit", o.sanm_shfit, between(0, 1024),
          "frames that the memory looks further back (SANMEncoder)");
    field("activation_type", o.activation_type, one_of({"swish", "relu", "gelu", "tanh"}),
          "activation of the feed-forward layers and the convolution module (ConformerEncoder)");
    field("pos_enc_layer_type", o.pos_enc_layer_type, one_of({"rel_pos", "abs_pos"}),
          "positions: rel_pos: FunASR's legacy relative ones; abs_pos: added sinusoids (ConformerEncoder)");
    field("macaron_style", o.macaron_style, {},
          "half a feed-forward layer before attention too (ConformerEncoder)");
    field("use_cnn_module", o.use_cnn_module, {}, "convolution module behind attention (ConformerEncoder)");
    field("cnn_module_kernel", o.cnn_module_kernel, between(1, 1023), "taps of that convolution, odd");
  }
  void check() const {
    require(output_size % attention_heads == 0, "output_size ({}) must be a multiple of attention_heads ({})",
            output_size, attention_heads);
    require(output_size % 2 == 0, "output_size must be even, got {}", output_size);
    require(cnn_module_kernel % 2 == 1, "cnn_module_kernel must be odd, got {}", cnn_module_kernel);
    require((kernel_size - 1) / 2 + sanm_shfit <= kernel_size - 1, "sanm_shfit ({}) must not exceed {}",
            sanm_shfit, kernel_size - 1 - (kernel_size - 1) / 2);
  }
};

/// "decoder_conf": of a SANM decoder or of a plain one.
struct DecoderConf {
  int64_t attention_heads = 4;
  int64_t linear_units = 2048;
  int64_t num_blocks = 6;
  double dropout_rate = 0.1;
  double positional_dropout_rate = 0.1;
  double self_attention_dropout_rate = 0.0;
  double src_attention_dropout_rate = 0.0;
  int64_t att_layer_num = 6;
  int64_t kernel_size = 21;
  int64_t sanm_shfit = 0;

  static void fields(auto& o, auto& field) {
    field("attention_heads", o.attention_heads, between(1, 1024), "attention heads");
    field("linear_units", o.linear_units, between(1, 1 << 18), "hidden width of the feed-forward layers");
    field("num_blocks", o.num_blocks, between(1, 1024), "decoder layers");
    field("dropout_rate", o.dropout_rate, from_below(0, 1), "dropout");
    field("positional_dropout_rate", o.positional_dropout_rate, from_below(0, 1),
          "dropout behind the positions");
    field("self_attention_dropout_rate", o.self_attention_dropout_rate, from_below(0, 1),
          "dropout of the memory, or of the weights of self-attention");
    field("src_attention_dropout_rate", o.src_attention_dropout_rate, from_below(0, 1),
          "dropout on the weights of the attention to the encoder");
    field("att_layer_num", o.att_layer_num, between(0, 1024),
          "layers that attend to the encoder, the first ones (ParaformerSANMDecoder)");
    field("kernel_size", o.kernel_size, between(1, 1024), "taps of the FSMN memory (ParaformerSANMDecoder)");
    field("sanm_shfit", o.sanm_shfit, between(0, 1024),
          "tokens that the memory looks further back (ParaformerSANMDecoder)");
  }
  void check() const {
    require((kernel_size - 1) / 2 + sanm_shfit <= kernel_size - 1, "sanm_shfit ({}) must not exceed {}",
            sanm_shfit, kernel_size - 1 - (kernel_size - 1) / 2);
  }
};

/// "predictor_conf": continuous integrate-and-fire.
struct PredictorOptions {
  int64_t l_order = 1, r_order = 1;
  double threshold = 1.0;
  double dropout = 0.1;
  double smooth_factor = 1.0;
  double noise_threshold = 0.0;
  double tail_threshold = 0.45;

  static void fields(auto& o, auto& field) {
    field("l_order", o.l_order, between(0, 1024), "frames before the present one that a weight depends on");
    field("r_order", o.r_order, between(0, 1024), "frames behind it");
    field("threshold", o.threshold, between(1e-3, 1e3),
          "weight of a token (CifPredictor; 1 in CifPredictorV2)");
    field("dropout", o.dropout, from_below(0, 1), "dropout (CifPredictor)");
    field("smooth_factor", o.smooth_factor, more_than(0), "a weight is multiplied by it");
    field("noise_threshold", o.noise_threshold, between(0, 1), "and this is subtracted, down to 0");
    field("tail_threshold", o.tail_threshold, from_below(0, 1),
          "weight behind the last frame, in recognition");
  }
};

/// "model_conf": the loss.
struct LossOptions {
  double ctc_weight = 0.5;
  double lsm_weight = 0.0;
  bool length_normalized_loss = false;
  double predictor_weight = 0.0;
  int64_t predictor_bias = 0;
  double sampling_ratio = 0.2;
  bool share_embedding = false;

  static void fields(auto& o, auto& field) {
    field("ctc_weight", o.ctc_weight, between(0, 1),
          "share of the CTC loss; 1: the model is a CTC head on the encoder and nothing else");
    field("lsm_weight", o.lsm_weight, from_below(0, 1), "label smoothing");
    field("length_normalized_loss", o.length_normalized_loss, {},
          "divide by the tokens, not by the utterances");
    field("predictor_weight", o.predictor_weight, at_least(0), "weight of the loss of the number of tokens");
    field("predictor_bias", o.predictor_bias, between(0, 1), "1: the end of the sentence counts as a token");
    field("sampling_ratio", o.sampling_ratio, between(0, 1),
          "glancing: share of the first pass's errors whose embeddings become those of the true tokens");
    field("share_embedding", o.share_embedding, {}, "the output layer's rows are the tokens' embeddings");
  }
};

/// Paraformer (Gao et al., "Paraformer: Fast and Accurate Parallel Transformer for Non-autoregressive
/// End-to-End Speech Recognition", Interspeech 2022; modelscope/FunASR).
struct ParaformerOptions {
  static constexpr std::string_view kName = "paraformer";
  static constexpr std::string_view kPaper = "Gao et al., Paraformer, Interspeech 2022";

  std::string encoder = "SANMEncoder";
  EncoderOptions encoder_conf;
  std::string decoder = "ParaformerSANMDecoder";
  DecoderConf decoder_conf;
  std::string predictor = "CifPredictorV2";
  PredictorOptions predictor_conf;
  LossOptions model_conf;
  int64_t input_size = 560;
  int64_t vocab_size = 8404;

  static void fields(auto& o, auto& field) {
    field(
        "encoder", o.encoder, one_of({"SANMEncoder", "ConformerEncoder"}),
        "self-attention with an FSMN memory, or a conformer with convolutions that leave every fourth frame");
    field("encoder_conf", o.encoder_conf, {}, "the encoder");
    field("decoder", o.decoder,
          one_of({"ParaformerSANMDecoder", "ParaformerSANDecoder", "AutoregressiveDecoder"}),
          "with an FSMN memory, or with self-attention; AutoregressiveDecoder: self-attention to earlier "
          "tokens, "
          "one token after the other, without a predictor");
    field("decoder_conf", o.decoder_conf, {}, "the decoder");
    field("predictor", o.predictor, one_of({"CifPredictor", "CifPredictorV2"}), "what counts the tokens");
    field("predictor_conf", o.predictor_conf, {}, "the predictor");
    field("model_conf", o.model_conf, {}, "the loss");
    field("input_size", o.input_size, between(2, 1 << 16),
          "numbers of a frame: filters times stacked frames");
    field("vocab_size", o.vocab_size, between(4, 1 << 22), "tokens, with <blank> 0, <s> 1 and </s> 2");
  }
  void check() const {
    require(encoder_conf.output_size % decoder_conf.attention_heads == 0,
            "output_size ({}) must be a multiple of the decoder's attention_heads ({})",
            encoder_conf.output_size, decoder_conf.attention_heads);
    require(encoder == "ConformerEncoder" || (input_size % 2 == 0 && input_size >= 4),
            "input_size must be even and at least 4, got {}", input_size);
    require(encoder == "SANMEncoder" || input_size >= 7, "input_size must be at least 7, got {}", input_size);
    require(decoder_conf.att_layer_num <= decoder_conf.num_blocks || decoder != "ParaformerSANMDecoder",
            "att_layer_num ({}) must not exceed num_blocks ({})", decoder_conf.att_layer_num,
            decoder_conf.num_blocks);
    require(!is_autoregressive() || !model_conf.share_embedding,
            "share_embedding is not for AutoregressiveDecoder");
  }

  bool is_autoregressive() const { return decoder == "AutoregressiveDecoder"; }
  bool is_ctc() const { return model_conf.ctc_weight == 1.0; }
};

/// Of a published config.yaml or of a case: nested options are read, what else the file says is passed over.
/// Throws ConfigError for another class of encoder, decoder or predictor, and for an option that the classes
/// here do not have in the value asked for.
ParaformerOptions published_paraformer_options(const Config& config);

}  // namespace arzoo::speech
