#include <torch/torch.h>

#include "speech/expected_error_loss.h"
#include "speech/fixture.h"
#include "speech/front_end.h"
#include "speech/paraformer_model.h"
#include "speech/spec_augment.h"
#include "speech/time_stamps.h"

namespace arzoo::speech {
namespace {

/// Ids without <blank>, <s> and </s>, -1 behind them.
at::Tensor kept_ids(const at::Tensor& ids, const at::Tensor& counts, int64_t width) {
  auto kept = at::full({ids.size(0), width}, -1, at::kLong);
  for (int64_t b = 0; b < ids.size(0); ++b) {
    int64_t next = 0;
    for (int64_t i = 0; i < counts[b].item<int64_t>(); ++i) {
      const auto id = ids[b][i].item<int64_t>();
      if (id != kBlank && id != kStart && id != kEnd && next < width) kept[b][next++] = id;
    }
  }
  return kept;
}

void check_recognition(Paraformer& model, const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  model.eval();
  runtime::Trace trace;
  const auto pass = model.decode(fixture.input("speech"), fixture.input("speech_lengths"), &trace);
  for (const auto& [name, value] : trace) check_if_listed(name, value, fixture, report);
  report.check("encoder_out", pass.encoded.hidden);
  report.check("alphas", pass.predicted.weights);
  report.check("cif_peak", pass.predicted.peaks);
  report.check("acoustic_embeds", pass.predicted.embeds);
  report.check("token_num", pass.predicted.number);
  if (!pass.log_probs.defined()) return;
  report.check("log_probs", pass.log_probs);
  report.check("token_ids", kept_ids(pass.log_probs.argmax(-1).cpu(), pass.counts.cpu(),
                                     fixture.io.at("token_ids").size(1)));
}

void check_training(Paraformer& model, const ParityCase& fixture, ParityReport& report) {
  model.train();
  const SpeechBatch batch{fixture.input("speech"), fixture.input("speech_lengths"), fixture.input("text"),
                          fixture.input("text_lengths")};
  std::vector<at::Tensor> parts[4];
  std::vector<double> weights;
  std::vector<at::Tensor> glanced;
  const auto loss = [&](int64_t step) {
    const auto own = model.step(batch, [&](int64_t utterance, int64_t tokens) {
      return fixture.input("glance_perm")[step][utterance].narrow(0, 0, tokens).cpu();
    });
    if (step == 0) {
      report.check("ys_out", own.labels);
      if (own.embeds.defined()) report.check("pre_acoustic_embeds", own.embeds);
      report.check("first_pass_logits",
                   own.first_logits * own.labels.ne(-1).unsqueeze(2).to(own.first_logits.scalar_type()));
      if (own.mixed.defined()) report.check("semantic_embeds", own.mixed);
    }
    const at::Tensor values[] = {own.attention, own.number, own.accuracy, own.ctc};
    for (int i = 0; i < 4; ++i) {
      if (values[i].defined()) parts[i].push_back(values[i].detach());
    }
    weights.push_back(own.weight);
    glanced.push_back(at::tensor(own.glanced, at::kLong));
    return runtime::Losses{.total = own.total};
  };
  replay_steps(model, loss, /*clipped=*/true, fixture, report);
  const char* names[] = {"loss_att", "loss_pre", "acc", "loss_ctc"};
  for (int i = 0; i < 4; ++i) {
    if (!parts[i].empty()) check_if_listed(names[i], at::stack(parts[i]), fixture, report);
  }
  check_if_listed("weight", at::tensor(weights, at::kDouble), fixture, report);
  check_if_listed("glance_num", at::stack(glanced), fixture, report);
}

}  // namespace

void replay_paraformer(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("model_dir")) return replay_model_dir(fixture, report);
  Paraformer model(published_paraformer_options(fixture.config));
  model.initialise();
  fixture.load(model, fixture.weights());
  if (fixture.config.has("train")) {
    check_training(model, fixture, report);
  } else {
    check_recognition(model, fixture, report);
  }
}

void replay_front_end(const ParityCase& fixture, ParityReport& report) {
  const auto options = options_among<FrontEndOptions>(fixture.config);
  auto plain = options;
  plain.dither = 0.0;
  const auto cmvn = fixture.config.has("cmvn_file")
                        ? read_cmvn(fixture.folder / fixture.config.text("cmvn_file"), options.width())
                        : Cmvn{};
  const auto& io = fixture.io;
  if (io.contains("waveform_i16")) {
    const auto samples = fixture.input("waveform_i16").to(at::kFloat) / 32768.0;
    const auto frames = log_mel_filterbank(samples, plain);
    check_if_listed("fbank", frames, fixture, report);
    check_if_listed("fbank_knf", frames, fixture, report);
    check_if_listed("lfr", stack_frames(frames, options.lfr_m, options.lfr_n), fixture, report);
    check_if_listed("feats", features_of(samples, plain, cmvn), fixture, report);
  }
  if (io.contains("batch_waveform")) {
    const auto lengths = fixture.input("batch_lengths");
    std::vector<at::Tensor> all;
    std::vector<int64_t> counts;
    for (int64_t b = 0; b < lengths.size(0); ++b) {
      all.push_back(features_of(fixture.input("batch_waveform")[b].narrow(0, 0, lengths[b].item<int64_t>()),
                                plain, cmvn));
      counts.push_back(all.back().size(0));
    }
    report.check("batch_feats", torch::nn::utils::rnn::pad_sequence(all, /*batch_first=*/true));
    check_if_listed("batch_feat_lens", at::tensor(counts, at::kLong), fixture, report);
  }
  if (io.contains("dither_waveform")) {
    auto dithered = plain;
    dithered.dither = 1.0;
    report.check("dither_fbank", log_mel_filterbank(fixture.input("dither_waveform"), dithered,
                                                    fixture.input("dither_noise")));
  }
  const int64_t frame = samples_of_frame(options);
  int64_t padded = 1;
  while (padded < frame) padded *= 2;
  check_if_listed("window", analysis_window(options.window, frame), fixture, report);
  check_if_listed("mel_banks", mel_banks(options.n_mels, padded, static_cast<double>(options.fs)), fixture,
                  report);
  if (cmvn.shift.defined()) check_if_listed("cmvn", at::stack({cmvn.shift, cmvn.scale}), fixture, report);
  for (const auto& name : fixture.output_names()) {
    if (!name.starts_with("lfr_T")) continue;
    const int64_t count = std::stoll(name.substr(5)), width = io.at(name).size(1) / options.lfr_m;
    const auto rows = at::arange(count * width, at::kFloat).view({count, width});
    report.check(name, stack_frames(rows, options.lfr_m, options.lfr_n));
  }
}

void replay_spec_augment(const ParityCase& fixture, ParityReport& report) {
  const auto options = options_among<SpecAugmentOptions>(fixture.config);
  auto masked = fixture.input("features");
  if (fixture.has_input("freq_width"))
    masked = mask_filters(masked, {fixture.input("freq_width"), fixture.input("freq_pos")}, options.lfr_rate);
  if (fixture.has_input("time_width"))
    masked = mask_frames(masked, {fixture.input("time_width"), fixture.input("time_pos")});
  report.check("masked", masked);
}

void replay_time_stamps(const ParityCase& fixture, ParityReport& report) {
  double shift = -1.5, upsampled = 1.0;
  if (fixture.config.has("force_time_shift")) fixture.config.at("force_time_shift").read(shift, {});
  if (fixture.config.has("upsample_rate")) fixture.config.at("upsample_rate").read(upsampled, more_than(0));
  for (const auto& one : fixture.config.at("cases").elements()) {
    int64_t index = 0, tokens = 0;
    double offset = 0.0;
    one.at("index").read(index, at_least(0));
    one.at("tokens").read(tokens, at_least(0));
    one.at("vad_offset_ms").read(offset, {});
    const auto weights = fixture.input(fmt::format("alphas{}", index)),
               peaks = fixture.input(fmt::format("peaks{}", index));
    const TimeStampOptions options{10.0 * 6 / 1000 / upsampled, shift, offset / 1000.0};
    // The official recogniser hands the two over in the other order.
    for (const bool swapped : {false, true}) {
      std::vector<int64_t> times;
      for (const auto& stamp :
           time_stamps(swapped ? peaks : weights, swapped ? weights : peaks, tokens, options)) {
        if (stamp.token < 0) continue;
        times.push_back(static_cast<int64_t>(stamp.begin * 1000));
        times.push_back(static_cast<int64_t>(stamp.end * 1000));
      }
      check_if_listed((swapped ? "stamps_model" : "stamps") + std::to_string(index),
                      at::tensor(times, at::kLong).view({-1, 2}), fixture, report);
    }
  }
}

void replay_expected_errors(const ParityCase& fixture, ParityReport& report) {
  double ratio = 0.5;
  fixture.config.at("mask_ratio").read(ratio, between(0, 1));
  const auto logits = fixture.input("logits").clone().requires_grad_(true);
  const auto result = expected_errors(logits, fixture.input("text"), fixture.input("text_lengths"),
                                      fixture.input("uniform") < ratio);
  report.check("samples", result.samples);
  report.check("errors", result.errors);
  report.check("probs", result.shares);
  report.check("loss", result.loss);
  result.loss.backward();
  report.check("grad_logits", logits.grad());
}

void replay_fire(const ParityCase& fixture, ParityReport& report) {
  double threshold = 1.0;
  if (fixture.config.has("threshold")) fixture.config.at("threshold").read(threshold, more_than(0));
  const auto &hidden = fixture.input("hidden"), &weights = fixture.input("alphas");
  const auto most = fixture.io.at("embeds").size(1);
  const auto fired = fire_by_loop(hidden, weights, threshold, 0.0, most);
  report.check("embeds", fired.embeds);
  report.check("fires", fired.peaks);
  report.check("count", fired.counts);
  const auto targets = fixture.input("target_len").to(at::kFloat), number = weights.sum(1);
  // Recorded with this factor, so that the last token fires.
  const auto scaled = weights * (targets * (1.0 + 1e-6) / number).unsqueeze(1);
  report.check("scaled_alphas", scaled);
  const auto again = fire_by_loop(hidden, scaled, threshold, 0.0, fixture.io.at("scaled_embeds").size(1));
  report.check("scaled_embeds", again.embeds);
  report.check("scaled_count", again.counts);
  report.check("quantity_loss", (number - targets).abs().sum() / targets.sum());
}

}  // namespace arzoo::speech
