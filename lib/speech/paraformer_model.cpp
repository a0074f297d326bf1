#include "speech/paraformer_model.h"

#include <torch/torch.h>

#include <cmath>

#include "speech/experiment.h"
#include "speech/fixture.h"
#include "speech/recognition_study.h"
#include "speech/time_stamps.h"

namespace arzoo::speech {
namespace {

bool is_special(int64_t id) { return id == kBlank || id == kStart || id == kEnd; }

/// Labels with </s> behind each. Returns [B, N + 1].
at::Tensor with_end(const at::Tensor& tokens, const at::Tensor& lengths) {
  auto labels = at::constant_pad_nd(tokens, {0, 1}, kIgnored);
  return labels.scatter(1, lengths.unsqueeze(1), kEnd);
}

}  // namespace

at::Tensor smoothed_divergence(const at::Tensor& logits, const at::Tensor& labels, double smoothing) {
  const int64_t classes = logits.size(-1);
  const auto flat = at::log_softmax(logits.to(at::kFloat), -1).reshape({-1, classes});
  const auto own = labels.reshape({-1});
  const auto counts = own.ne(kIgnored);
  const auto index = own.masked_fill(counts.logical_not(), 0).unsqueeze(1);
  const double even = smoothing / static_cast<double>(classes - 1), most = 1.0 - smoothing;
  // sum_v t_v (log t_v - log p_v), with t = most on the label and `even` elsewhere.
  const auto entropy = (most > 0 ? most * std::log(most) : 0.0) +
                       (even > 0 ? even * std::log(even) * static_cast<double>(classes - 1) : 0.0);
  const auto chosen = flat.gather(1, index).squeeze(1);
  auto divergence = entropy - most * chosen;
  if (even > 0) divergence = divergence - even * (flat.sum(1) - chosen);
  return divergence.masked_fill(counts.logical_not(), 0.0).sum();
}

Paraformer::Paraformer(const ParaformerOptions& options) : options_(options) {
  const int64_t width = options.encoder_conf.output_size;
  encoder_ = register_module("encoder", make_encoder(options));
  if (!options.is_ctc()) {
    if (options.is_autoregressive()) {
      autoregressive_ = register_module("decoder", std::make_shared<AutoregressiveDecoder>(
                                                       width, options.vocab_size, options.decoder_conf));
    } else {
      decoder_ = register_module("decoder", make_decoder(options));
      predictor_ = register_module(
          "predictor",
          std::make_shared<Predictor>(width, options.predictor_conf, options.predictor == "CifPredictor"));
    }
  }
  if (options.model_conf.ctc_weight > 0.0)
    ctc_ = add_folder(*this, "ctc")
               .register_module("ctc_lo", std::make_shared<nn::LinearLayer>(width, options.vocab_size));
}

void Paraformer::initialise() {
  const torch::NoGradGuard no_grad;
  initialise_default(*this);
  for (auto& parameter : named_parameters()) {
    const auto& name = parameter.key();
    auto value = parameter.value();
    if (name.find("embed.0.weight") != std::string::npos || name == "decoder.embed.weight")
      value.normal_(0.0, 1.0);
    if (name.ends_with("pos_bias_u") || name.ends_with("pos_bias_v")) torch::nn::init::xavier_uniform_(value);
  }
}

int64_t Paraformer::fewest_frames(int64_t tokens) const {
  const int64_t counted = tokens + options_.model_conf.predictor_bias;
  return options_.encoder == "SANMEncoder" ? counted : 4 * counted + 7;
}

Encoded Paraformer::encode(const at::Tensor& features, const at::Tensor& lengths) {
  return encoder_->forward(features, lengths, nullptr);
}

at::Tensor Paraformer::ctc_loss(const Encoded& encoded, const SpeechBatch& batch) const {
  const auto log_probs = at::log_softmax(ctc_->forward(encoded.hidden).to(at::kFloat), -1).transpose(0, 1);
  const auto targets = batch.tokens.clamp_min(0);
  const auto each = at::ctc_loss(log_probs, targets, encoded.lengths, batch.token_lengths, kBlank,
                                 at::Reduction::None, /*zero_infinity=*/false);
  return each.sum() / static_cast<double>(each.size(0));
}

at::Tensor Paraformer::glance(const Encoded& encoded, const at::Tensor& lengths,
                              const GlancePermutation& permutation, Step& step) {
  const auto counts = step.labels.ne(kIgnored);
  const auto labels = step.labels.masked_fill(counts.logical_not(), 0);
  const auto own = options_.model_conf.share_embedding ? at::embedding(decoder_->output_weight(), labels)
                                                       : decoder_->embed(labels);
  auto kept = counts.clone();  // where the acoustic embedding stays
  {
    const torch::NoGradGuard no_grad;
    const auto logits = decoder_->forward(encoded, step.embeds, lengths);
    const auto wrong = (logits.argmax(-1).ne(step.labels) & counts).sum(1).cpu();
    const auto tokens = counts.sum(1).cpu();
    for (int64_t b = 0; b < labels.size(0); ++b) {
      const auto share = static_cast<float>(wrong[b].item<int64_t>()) *
                         static_cast<float>(options_.model_conf.sampling_ratio);
      const auto number = static_cast<int64_t>(share);
      step.glanced.push_back(number);
      if (number == 0) continue;
      const auto length = tokens[b].item<int64_t>();
      const auto order = permutation ? permutation(b, length) : at::randperm(length, at::kLong);
      kept[b].index_fill_(0, order.narrow(0, 0, number).to(kept.device()), false);
    }
    step.first_logits = logits * counts.unsqueeze(2).to(logits.scalar_type());
  }
  const auto column = kept.unsqueeze(2), there = counts.unsqueeze(2);
  step.mixed =
      step.embeds.masked_fill(column.logical_not(), 0.0) + own.masked_fill(column | there.logical_not(), 0.0);
  return step.mixed;
}

void Paraformer::autoregressive_step(const Encoded& encoded, const SpeechBatch& batch, Step& step) {
  step.labels = with_end(batch.tokens, batch.token_lengths);
  const auto start = at::full({batch.tokens.size(0), 1}, kStart, batch.tokens.options());
  const auto read =
      at::cat({start, batch.tokens}, 1).masked_fill(at::cat({start, batch.tokens}, 1).lt(0), kEnd);
  step.first_logits = autoregressive_->forward(encoded, read);
  step.attention = smoothed_divergence(step.first_logits, step.labels, options_.model_conf.lsm_weight);
}

Paraformer::Step Paraformer::step(const SpeechBatch& batch, const GlancePermutation& permutation) {
  const auto& o = options_.model_conf;
  const auto encoded = encode(batch.features, batch.lengths);
  Step step;
  step.weight = static_cast<double>(o.length_normalized_loss
                                        ? (batch.token_lengths + o.predictor_bias).sum().item<int64_t>()
                                        : batch.tokens.size(0));
  if (o.ctc_weight > 0.0) step.ctc = ctc_loss(encoded, batch);
  if (options_.is_ctc()) {
    step.total = step.ctc;
    return step;
  }
  if (autoregressive_ != nullptr) {
    autoregressive_step(encoded, batch, step);
  } else {
    const bool ends = o.predictor_bias == 1;
    step.labels = ends ? with_end(batch.tokens, batch.token_lengths) : batch.tokens;
    const auto lengths = batch.token_lengths + o.predictor_bias;
    const auto predicted = predictor_->train_forward(encoded, lengths);
    step.embeds = predicted.embeds;
    const auto mixed = o.sampling_ratio > 0.0 ? glance(encoded, lengths, permutation, step) : step.embeds;
    const auto logits = decoder_->forward(encoded, mixed, lengths);
    if (!step.first_logits.defined()) step.first_logits = logits;
    step.attention = smoothed_divergence(logits, step.labels, o.lsm_weight);
    const auto tokens = lengths.to(at::kFloat);
    step.number = (tokens - predicted.number).abs().sum() /
                  (o.length_normalized_loss ? tokens.sum() : at::full({}, tokens.size(0), tokens.options()));
  }
  const auto counts = step.labels.ne(kIgnored);
  const auto tokens = counts.sum().item<int64_t>();
  step.attention =
      step.attention / static_cast<double>(o.length_normalized_loss ? tokens : batch.tokens.size(0));
  step.accuracy = (step.first_logits.detach().argmax(-1).eq(step.labels) & counts).sum().to(at::kDouble) /
                  static_cast<double>(tokens);
  step.total = step.attention * (1.0 - o.ctc_weight);
  if (step.ctc.defined()) step.total = step.total + o.ctc_weight * step.ctc;
  if (step.number.defined()) step.total = step.total + o.predictor_weight * step.number;
  return step;
}

runtime::Losses Paraformer::loss(const SpeechBatch& batch) {
  const auto own = step(batch);
  runtime::Losses losses{.total = own.total};
  if (own.attention.defined()) losses.parts.emplace_back("attention", own.attention);
  if (own.number.defined()) losses.parts.emplace_back("count", own.number);
  if (own.ctc.defined()) losses.parts.emplace_back("ctc", own.ctc);
  if (own.accuracy.defined()) losses.parts.emplace_back("accuracy", own.accuracy);
  losses.samples = own.weight;
  return losses;
}

int64_t Paraformer::write_tokens(const Encoded& encoded, const at::Tensor& lengths) {
  if (options_.is_ctc()) return static_cast<int64_t>(recognise_ctc(encoded).front().ids.size());
  if (autoregressive_ != nullptr) return static_cast<int64_t>(write(encoded, lengths).front().ids.size());
  const auto predicted = predictor_->recognise(encoded);
  const auto counts = predicted.number.round().to(at::kLong);
  if (counts.max().item<int64_t>() < 1) return 0;
  return std::get<1>(decoder_->forward(encoded, predicted.embeds, counts).max(-1)).cpu().size(1);
}

Paraformer::Pass Paraformer::decode(const at::Tensor& features, const at::Tensor& lengths,
                                    runtime::Trace* trace) {
  Pass pass{
      .encoded = encoder_->forward(features, lengths, trace), .predicted = {}, .log_probs = {}, .counts = {}};
  pass.predicted = predictor_->recognise(pass.encoded);
  pass.counts = pass.predicted.number.round().to(at::kLong);
  if (pass.counts.max().item<int64_t>() < 1) return pass;
  const auto logits = decoder_->forward(pass.encoded, pass.predicted.embeds, pass.counts, trace);
  pass.log_probs = at::log_softmax(logits.to(at::kFloat), -1);
  return pass;
}

std::vector<Heard> Paraformer::recognise_ctc(const Encoded& encoded) const {
  const auto [best, ids] = at::softmax(ctc_->forward(encoded.hidden).to(at::kFloat), -1).cpu().max(-1);
  const auto lengths = encoded.lengths.cpu();
  std::vector<Heard> all;
  for (int64_t b = 0; b < ids.size(0); ++b) {
    Heard heard;
    int64_t before = kBlank;
    for (int64_t t = 0; t < lengths[b].item<int64_t>(); ++t) {
      const auto id = ids[b][t].item<int64_t>();
      const auto frame = static_cast<double>(t * encoder_->subsampling());
      const auto step = static_cast<double>(encoder_->subsampling());
      if (id != before && id != kBlank) {
        heard.ids.push_back(id);
        heard.confidence.push_back(best[b][t].item<double>());
        heard.times.emplace_back(frame, frame + step);
      } else if (id != kBlank && !heard.ids.empty()) {
        heard.times.back().second = frame + step;
      }
      before = id;
    }
    all.push_back(std::move(heard));
  }
  return all;
}

std::vector<Heard> Paraformer::write(const Encoded& encoded, const at::Tensor& lengths) {
  constexpr int64_t kSpare = 8;
  std::vector<Heard> all;
  for (auto& [ids, shares] : autoregressive_->write(encoded, encoded.hidden.size(1) + kSpare)) {
    Heard heard;
    const auto b = static_cast<int64_t>(all.size());
    const double frames = lengths[b].item<double>(), each = frames / static_cast<double>(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      heard.ids.push_back(ids[i]);
      heard.confidence.push_back(shares[i]);
      heard.times.emplace_back(each * static_cast<double>(i), each * static_cast<double>(i + 1));
    }
    all.push_back(std::move(heard));
  }
  return all;
}

std::vector<Heard> Paraformer::recognise(const at::Tensor& features, const at::Tensor& lengths) {
  if (options_.is_ctc()) return recognise_ctc(encode(features, lengths));
  if (autoregressive_ != nullptr) return write(encode(features, lengths), lengths);
  const auto pass = decode(features, lengths);
  std::vector<Heard> all(static_cast<std::size_t>(features.size(0)));
  if (!pass.log_probs.defined()) return all;
  const auto [best, ids] = pass.log_probs.cpu().max(-1);
  const auto counts = pass.counts.cpu(), frames = pass.encoded.lengths.cpu();
  const auto unit = static_cast<double>(encoder_->subsampling());
  for (int64_t b = 0; b < ids.size(0); ++b) {
    auto& heard = all[static_cast<std::size_t>(b)];
    for (int64_t i = 0; i < counts[b].item<int64_t>(); ++i) {
      const auto id = ids[b][i].item<int64_t>();
      if (is_special(id)) continue;
      heard.ids.push_back(id);
      heard.confidence.push_back(std::exp(best[b][i].item<double>()));
    }
    const auto length = std::min(frames[b].item<int64_t>() + 1, pass.predicted.weights.size(1));
    const auto stamps = time_stamps(pass.predicted.weights[b].narrow(0, 0, length),
                                    pass.predicted.peaks[b].narrow(0, 0, length),
                                    static_cast<int64_t>(heard.ids.size()), {.seconds_per_frame = unit});
    for (const auto& stamp : stamps) {
      if (stamp.token >= 0) heard.times.emplace_back(std::max(0.0, stamp.begin), stamp.end);
    }
    heard.times.resize(heard.ids.size(), {0.0, static_cast<double>(length) * unit});
  }
  return all;
}

}  // namespace arzoo::speech

namespace arzoo::runtime {

template <>
const ModelEntry& entry<speech::ParaformerOptions>() {
  static const ModelEntry entry{
      .name = speech::ParaformerOptions::kName,
      .build = &build_any<speech::Paraformer, speech::ParaformerOptions>,
      .experiment = &speech::speech_experiment<speech::Paraformer, speech::ParaformerOptions>,
      .study = speech::recognition_study(),
      .replays = {{"Paraformer", speech::replay_paraformer}}};
  return entry;
}

}  // namespace arzoo::runtime
