#include "speech/cassnat_model.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "kernels/dropout.h"
#include "nn/position_table.h"
#include "speech/experiment.h"
#include "speech/fixture.h"
#include "speech/paraformer_model.h"
#include "speech/recognition_study.h"

namespace arzoo::speech {
namespace {

CassNatLayer::Shape encoder_shape(const CassNatOptions& o) {
  // The official attention keeps its dropout of 0.1 whatever the config says; ours is the config's.
  return {.width = o.d_model,
          .heads = o.n_head,
          .hidden = o.d_encff,
          .dropout = o.dropout,
          .attention_dropout = o.dropout,
          .conv = o.has_conv_encoder(),
          .relative = o.pos_type == "relative",
          .share_ff = o.share_ff,
          .kernel = o.enc_kernel_size};
}

CassNatLayer::Shape decoder_shape(const CassNatOptions& o, bool source) {
  auto shape = encoder_shape(o);
  shape.hidden = o.d_decff;
  shape.source = source;
  shape.conv = o.has_conv_decoder();
  shape.kernel = o.dec_kernel_size;
  return shape;
}

at::Tensor as_places(const at::Tensor& x) { return nn::position_table(x.size(1), x.size(2)).to(x.options()); }

}  // namespace

CassNatOptions official_cassnat_options(const Config& config) {
  for (const auto& [key, expected] : {std::pair{"use_best_path", false}, std::pair{"use_trigger", true},
                                      std::pair{"apply_mask", false}, std::pair{"use_mlm", false}}) {
    if (config.has(key) && config.json().at(key).is_boolean() && config.json().at(key) != expected)
      config.at(key).reject(fmt::format("is not supported, expected {}", expected));
  }
  Json own = config.json();
  bool neighbours = false;
  for (const char* key : {"left_trigger", "right_trigger"}) {
    if (!own.contains(key)) continue;
    neighbours = neighbours || own[key].is_string();
    const bool on =
        own[key].is_string() ? own[key] != "0" : own[key].is_number() && own[key].get<double>() > 0;
    own[key] = on ? 1 : 0;
  }
  if (neighbours) own["trigger_neighbours"] = true;
  return options_among<CassNatOptions>(Config(std::move(own), config.name(), config.pointer()));
}

CassNat::CassNat(const CassNatOptions& o) : options_(o), samples_(o.sample_num) {
  const bool relative = o.pos_type == "relative";
  source_ = register_module("src_embed",
                            std::make_shared<ConvSubsampling>(o.input_size, o.d_model, 1, "linear_out"));
  if (o.has_conv_encoder() && relative)
    source_codes_ = source_->register_module(
        "pos_enc", std::make_shared<DistanceCodes>(o.enc_max_relative_len, o.d_model));
  encoder_ = register_module("encoder", std::make_shared<CassNatStack>(encoder_shape(o), o.N_enc, true));
  if (o.has_conv_decoder()) {
    auto& layer = add_folder(add_folder(add_folder(*this, "acembed_extractor"), "layers"), "0");
    extractor_attention_ = layer.register_module(
        "src_attn",
        std::make_shared<HeadAttention>(o.d_model, o.n_head, o.dropout, HeadAttention::Names::by_number));
    extractor_feed_forward_ = layer.register_module(
        "feed_forward",
        std::make_shared<FeedForward>(FeedForward::Shape{o.d_model, o.d_ff, "swish", o.dropout}));
    extractor_norm_ =
        add_folder(layer, "sublayer").register_module("norm", std::make_shared<DeviationNorm>(o.d_model));
    if (relative)
      token_codes_ = layer.register_module(
          "pos_enc", std::make_shared<DistanceCodes>(o.dec_max_relative_len, o.d_model));
  } else {
    auto shape = decoder_shape(o, true);
    shape.self = false;
    extractor_ =
        register_module("acembed_extractor", std::make_shared<CassNatStack>(shape, o.N_extra, false));
  }
  self_decoder_ = register_module(
      "selfattn_decoder", std::make_shared<CassNatStack>(decoder_shape(o, false), o.N_self_dec, false));
  mixed_decoder_ = register_module("mixattn_decoder",
                                   std::make_shared<CassNatStack>(decoder_shape(o, true), o.N_mix_dec, true));
  const auto head = [&](const char* name, bool norm) {
    return register_module(name, std::make_shared<TokenHead>(o.d_model, o.vocab_size, norm));
  };
  ctc_generator_ = head("ctc_generator", false);
  att_generator_ = head("att_generator", false);
  if (o.interctc_alpha > 0) interctc_generator_ = head("interctc_generator", true);
  if (o.interce_alpha > 0) interce_generator_ = head("interce_generator", true);
}

at::Tensor CassNat::positioned(const at::Tensor& x, const std::shared_ptr<DistanceCodes>& codes,
                               at::Tensor& positions) const {
  const auto scaled = x * std::sqrt(static_cast<double>(options_.d_model));
  if (codes == nullptr) return kernels::dropout(scaled + as_places(scaled), options_.dropout, is_training());
  positions = kernels::dropout(codes->of(x.size(1)), options_.dropout, is_training());
  return kernels::dropout(scaled, options_.dropout, is_training());
}

CassNat::Sounds CassNat::listen(const at::Tensor& features, const at::Tensor& lengths,
                                const at::Tensor& ratio) {
  Sounds sounds;
  LayerInputs inputs;
  sounds.embedded = positioned(source_->forward(features), source_codes_, inputs.positions);
  const int64_t places = sounds.embedded.size(1);
  const auto there = lengths.add(1).div(2, "floor").add(1).div(2, "floor");
  sounds.mask = length_mask(there, places);
  sounds.frames = (ratio.to(at::kFloat) * places).to(at::kLong).clamp_min(1);
  inputs.self_mask = sounds.mask.unsqueeze(1);
  at::Tensor inner;
  sounds.hidden = encoder_->forward(sounds.embedded, inputs, options_.interctc_layer, &inner);
  sounds.ctc = ctc_generator_->forward(sounds.hidden);
  if (interctc_generator_ != nullptr) sounds.inner_ctc = interctc_generator_->forward(inner);
  return sounds;
}

at::Tensor CassNat::extract(const Sounds& sounds, const at::Tensor& trigger, at::Tensor& positions) {
  const auto queries = nn::position_table(trigger.size(1), options_.d_model)
                           .to(sounds.hidden.options())
                           .unsqueeze(0)
                           .expand({trigger.size(0), -1, -1});
  if (extractor_ != nullptr)
    return extractor_->forward(
        queries, {.self_mask = {}, .memory = sounds.hidden, .memory_mask = trigger, .positions = {}});
  auto x = extractor_attention_->forward(queries, sounds.hidden, trigger);
  x = positioned(x, token_codes_, positions);
  const auto y = extractor_feed_forward_->forward(extractor_norm_->forward(x));
  return x + kernels::dropout(y, options_.dropout, is_training());
}

CassNat::Words CassNat::decode(const Sounds& sounds, const Aligned& aligned) {
  Words words;
  words.trigger = widened(trigger_mask(aligned, sounds.mask, sounds.frames), options_.left_trigger > 0,
                          options_.right_trigger > 0, options_.trigger_neighbours);
  const auto trigger = words.trigger & sounds.mask.unsqueeze(1);
  words.rows = length_mask(aligned.lengths + 1, aligned.rows + 1);
  LayerInputs inputs;
  words.acoustic = extract(sounds, trigger, inputs.positions);
  inputs.self_mask = words.rows.unsqueeze(1);
  at::Tensor inner;
  words.predicted = self_decoder_->forward(words.acoustic, inputs, options_.interce_layer, &inner);
  auto read = words.predicted;
  if (options_.use_unimask) {
    read = at::constant_pad_nd(read, {0, 0, 1, 0}).narrow(1, 0, read.size(1));
    inputs.self_mask =
        inputs.self_mask & at::ones({read.size(1), read.size(1)}, inputs.self_mask.options()).tril();
  }
  inputs.memory = sounds.hidden;
  inputs.memory_mask = options_.src_trigger ? trigger : sounds.mask.unsqueeze(1);
  words.decoded = mixed_decoder_->forward(read, inputs, options_.interce_layer - options_.N_self_dec, &inner);
  words.log_probs = att_generator_->forward(words.decoded);
  if (interce_generator_ != nullptr) words.inner = interce_generator_->forward(inner);
  return words;
}

CassNat::Step CassNat::step(const SpeechBatch& batch, const at::Tensor& ratio,
                            const std::optional<std::vector<int64_t>>& second) {
  Step step;
  step.sounds = listen(batch.features, batch.lengths, ratio);
  const auto& o = options_;
  const auto tokens = batch.tokens.clamp_min(0);
  const auto ctc = [&](const at::Tensor& log_probs) {
    return at::ctc_loss(log_probs.transpose(0, 1), tokens, step.sounds.frames, batch.token_lengths, kBlank,
                        at::Reduction::Mean, /*zero_infinity=*/true);
  };
  auto drawn = second.value_or(std::vector<int64_t>{});
  if (!second && o.sample_topk > 1 && step.sounds.ctc.size(1) > 1) {
    const auto frames = at::randint(1, step.sounds.ctc.size(1), {o.sample_topk}, at::kLong);
    drawn.assign(frames.data_ptr<int64_t>(), frames.data_ptr<int64_t>() + o.sample_topk);
  }
  step.aligned = viterbi_alignment(step.sounds.ctc, step.sounds.frames, tokens, batch.token_lengths, drawn);
  step.words = decode(step.sounds, step.aligned);
  auto labels = at::constant_pad_nd(batch.tokens, {0, 1}, kIgnored);
  labels = labels.scatter(1, batch.token_lengths.unsqueeze(1), kEnd);
  const auto count = static_cast<double>(labels.ne(kIgnored).sum().item<int64_t>());
  const auto cross = [&](const at::Tensor& log_probs) {
    return smoothed_divergence(log_probs, labels, o.label_smooth) / count;
  };
  step.ctc = ctc(step.sounds.ctc);
  step.attention = cross(step.words.log_probs);
  step.total = o.ctc_alpha * step.ctc + o.att_alpha * step.attention;
  if (interctc_generator_ != nullptr) step.total = step.total + o.interctc_alpha * ctc(step.sounds.inner_ctc);
  if (interce_generator_ != nullptr) step.total = step.total + o.interce_alpha * cross(step.words.inner);
  return step;
}

runtime::Losses CassNat::loss(const SpeechBatch& batch) {
  const auto ratio = batch.lengths.to(at::kFloat) / static_cast<double>(batch.features.size(1));
  const auto own = step(batch, ratio, std::nullopt);
  runtime::Losses losses{.total = own.total, .parts = {{"attention", own.attention}, {"ctc", own.ctc}}};
  losses.samples = static_cast<double>(batch.tokens.size(0));
  return losses;
}

CassNat::Sampled CassNat::sample(const Sounds& sounds, int64_t samples, double threshold,
                                 const at::Tensor& choice) {
  if (samples == 1) {
    Sampled sampled{.aligned = greedy_alignment(sounds.ctc, sounds.mask), .words = {}};
    sampled.words = decode(sounds, sampled.aligned);
    return sampled;
  }
  const Sounds all{.embedded = {},
                   .hidden = sounds.hidden.repeat_interleave(samples, 0),
                   .ctc = sounds.ctc.repeat_interleave(samples, 0),
                   .inner_ctc = {},
                   .mask = sounds.mask.repeat_interleave(samples, 0),
                   .frames = sounds.frames.repeat_interleave(samples, 0)};
  const auto own =
      choice.defined() ? choice : at::randint(0, 2, {all.ctc.size(0), all.ctc.size(1)}, at::kLong);
  Sampled sampled{
      .aligned = sampled_alignment(all.ctc, all.mask, samples, threshold, own.to(all.ctc.device())),
      .words = {}};
  sampled.words = decode(all, sampled.aligned);
  return sampled;
}

void CassNat::set_search(int64_t samples, std::shared_ptr<RankingLm> ranking) {
  samples_ = samples;
  ranking_ = std::move(ranking);
}

std::vector<int64_t> CassNat::ids_of(const at::Tensor& log_probs, int64_t tokens) {
  const auto best = log_probs.argmax(-1).cpu();
  std::vector<int64_t> ids;
  for (int64_t i = 0; i <= std::min(tokens, best.size(0) - 1); ++i) {
    const auto id = best[i].item<int64_t>();
    if (id == kEnd) break;
    ids.push_back(id);
  }
  return ids;
}

std::vector<Heard> CassNat::recognise(const at::Tensor& features, const at::Tensor& lengths) {
  const auto ratio = lengths.to(at::kFloat) / static_cast<double>(features.size(1));
  const auto sounds = listen(features, lengths, ratio);
  const auto sampled = sample(sounds, samples_, options_.threshold);
  const auto& words = sampled.words;
  at::Tensor chosen = at::arange(features.size(0), at::kLong) * samples_;
  if (samples_ > 1) {
    const auto best = words.log_probs.amax(-1).masked_fill(words.rows.logical_not(), 0.0);
    const auto scores = ranking_ != nullptr ? rank_by(*ranking_, words.log_probs, words.rows)
                                            : best.sum(1) / words.rows.sum(1).to(at::kFloat);
    chosen = chosen + scores.view({-1, samples_}).argmax(1).cpu();
  }
  std::vector<Heard> all;
  const auto shifted = sampled.aligned.shifted.cpu(), counts = sampled.aligned.lengths.cpu();
  constexpr double kFrame = 4.0;  // of the subsampling
  for (int64_t b = 0; b < features.size(0); ++b) {
    const auto row = chosen[b].item<int64_t>();
    Heard heard;
    const auto ids = ids_of(words.log_probs[row], counts[row].item<int64_t>());
    const auto best = words.log_probs[row].amax(-1).exp().cpu();
    std::vector<double> starts;
    for (int64_t t = 1; t < shifted.size(1); ++t) {
      if (shifted[row][t].item<int64_t>() != 0) starts.push_back(static_cast<double>(t - 1) * kFrame);
    }
    const double end = lengths[b].item<double>();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] <= kEnd) continue;
      heard.ids.push_back(ids[i]);
      heard.confidence.push_back(best[static_cast<int64_t>(i)].item<double>());
      heard.times.emplace_back(i < starts.size() ? starts[i] : end,
                               i + 1 < starts.size() ? starts[i + 1] : end);
    }
    all.push_back(std::move(heard));
  }
  return all;
}

}  // namespace arzoo::speech

namespace arzoo::runtime {

template <>
const ModelEntry& entry<speech::CassNatOptions>() {
  static const ModelEntry entry{
      .name = speech::CassNatOptions::kName,
      .build = &build_any<speech::CassNat, speech::CassNatOptions>,
      .experiment = &speech::speech_experiment<speech::CassNat, speech::CassNatOptions>,
      .study = speech::recognition_study(),
      .replays = {{"cassnat", speech::replay_cassnat}}};
  return entry;
}

}  // namespace arzoo::runtime
