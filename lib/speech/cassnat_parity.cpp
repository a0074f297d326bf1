#include <torch/torch.h>

#include <algorithm>

#include "speech/cassnat_model.h"
#include "speech/fixture.h"

namespace arzoo::speech {
namespace {

at::Tensor lengths_of(const at::Tensor& features) { return features.select(2, 0).ne(0).sum(1); }

std::vector<int64_t> numbers(const at::Tensor& row) {
  const auto own = row.cpu().to(at::kLong).contiguous();
  return {own.data_ptr<int64_t>(), own.data_ptr<int64_t>() + own.numel()};
}

SpeechBatch batch_of(const ParityCase& fixture) {
  const auto &features = fixture.input("feats"), &labels = fixture.input("labels"),
             &sizes = fixture.input("label_sizes");
  const auto tokens = labels.narrow(1, 1, labels.size(1) - 2);
  const auto there = length_mask(sizes, tokens.size(1));
  return {features, lengths_of(features), tokens.masked_fill(there.logical_not(), -1), sizes};
}

void check_training(CassNat& model, const ParityCase& fixture, ParityReport& report) {
  model.train();
  const auto batch = batch_of(fixture);
  std::vector<at::Tensor> ctc, attention;
  const auto loss = [&](int64_t step) {
    std::vector<int64_t> second;
    if (fixture.has_input("sample_times")) second = numbers(fixture.input("sample_times")[step]);
    const auto own = model.step(batch, fixture.input("feat_ratio"), second);
    if (step == 0) {
      const auto &s = own.sounds, &listed = own.sounds;
      check_if_listed("src_embed", listed.embedded, fixture, report);
      report.check("enc_h", s.hidden);
      report.check("ctc_out", s.ctc);
      report.check("src_size", s.frames);
      if (s.inner_ctc.defined()) check_if_listed("interctc_out", s.inner_ctc, fixture, report);
      const auto& w = own.words;
      if (w.inner.defined()) check_if_listed("interce_out", w.inner, fixture, report);
      report.check("aligned_shift", own.aligned.shifted);
      report.check("trigger_mask", w.trigger);
      report.check("ac_embed", w.acoustic);
      report.check("pred_embed", w.predicted);
      report.check("dec_h", w.decoded);
      report.check("att_out", w.log_probs);
    }
    ctc.push_back(own.ctc.detach());
    attention.push_back(own.attention.detach());
    return runtime::Losses{.total = own.total};
  };
  replay_steps(model, loss, /*clipped=*/false, fixture, report);
  check_if_listed("ctc_loss", at::stack(ctc), fixture, report);
  check_if_listed("att_loss", at::stack(attention), fixture, report);
}

/// Ids of each row, -1 behind, as wide as the expected ones.
at::Tensor padded_ids(const std::vector<std::vector<int64_t>>& all, const at::Tensor& expected) {
  auto ids = at::full(expected.sizes(), -1, at::kLong);
  for (std::size_t b = 0; b < all.size(); ++b) {
    for (std::size_t i = 0; i < all[b].size() && static_cast<int64_t>(i) < ids.size(1); ++i)
      ids[static_cast<int64_t>(b)][static_cast<int64_t>(i)] = all[b][i];
  }
  return ids;
}

/// Final ids: cut at the first end, without sos and padding.
std::vector<int64_t> final_ids(const at::Tensor& log_probs, int64_t tokens) {
  auto ids = CassNat::ids_of(log_probs, tokens);
  std::erase_if(ids, [](int64_t id) { return id == 0 || id == 1; });
  return ids;
}

/// sos and the ids of the rows that the official loop takes: one more than an utterance has where the batch
/// has it.
at::Tensor raw_ids(const at::Tensor& log_probs, const at::Tensor& lengths, const at::Tensor& expected) {
  auto raw = at::zeros(expected.sizes(), at::kLong);
  const auto best = log_probs.argmax(-1).cpu();
  for (int64_t b = 0; b < raw.size(0); ++b) {
    raw[b][0] = 1;
    const auto most = std::min(lengths[b].item<int64_t>() + 1, best.size(1) - 1);
    for (int64_t i = 0; i <= most && i + 1 < raw.size(1); ++i) raw[b][i + 1] = best[b][i];
  }
  return raw;
}

void check_sampled(CassNat& model, const CassNat::Sounds& sounds, const ParityCase& fixture,
                   ParityReport& report) {
  const auto decode = fixture.config.section("decode");
  int64_t samples = 1;
  double threshold = 0.9;
  if (decode.has("sample_num")) decode.at("sample_num").read(samples, at_least(1));
  if (decode.has("threshold")) decode.at("threshold").read(threshold, between(0, 1));
  RankingLm ranking(options_among<RankingLmOptions>(fixture.config.at("lm")));
  fixture.load(ranking, runtime::open_tensors(fixture.folder / "lm_weights.safetensors"));
  ranking.eval();
  const auto sampled = model.sample(sounds, samples, threshold, fixture.input("esa_select"));
  report.check("esa_shift", sampled.aligned.shifted);
  report.check("esa_ylen", sampled.aligned.lengths);
  report.check("esa_att_out", sampled.words.log_probs);
  const auto ranks = rank_by(ranking, sampled.words.log_probs, sampled.words.rows).view({-1, samples});
  report.check("esa_rank", ranks);
  const auto best = ranks.argmax(1).cpu();
  std::vector<std::vector<int64_t>> ids;
  for (int64_t b = 0; b < best.size(0); ++b) {
    const auto row = b * samples + best[b].item<int64_t>();
    ids.push_back(final_ids(sampled.words.log_probs[row], sampled.aligned.lengths[row].item<int64_t>()));
  }
  report.check("esa_ids", padded_ids(ids, fixture.io.at("esa_ids")));
}

void check_recognition(CassNat& model, const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  model.eval();
  const auto& features = fixture.input("feats");
  const auto sounds = model.listen(features, lengths_of(features), fixture.input("feat_ratio"));
  report.check("ctc_out", sounds.ctc);
  const auto greedy = model.sample(sounds, 1, 0.0);
  report.check("best_shift", greedy.aligned.shifted);
  report.check("best_ylen", greedy.aligned.lengths);
  report.check("best_att_out", greedy.words.log_probs);
  report.check("best_raw",
               raw_ids(greedy.words.log_probs, greedy.aligned.lengths, fixture.io.at("best_raw")));
  const auto ids_by = [](const CassNat::Words& words, const at::Tensor& lengths) {
    std::vector<std::vector<int64_t>> ids;
    for (int64_t b = 0; b < lengths.size(0); ++b)
      ids.push_back(final_ids(words.log_probs[b], lengths[b].item<int64_t>()));
    return ids;
  };
  report.check("best_ids",
               padded_ids(ids_by(greedy.words, greedy.aligned.lengths), fixture.io.at("best_ids")));
  if (fixture.has_input("esa_select")) check_sampled(model, sounds, fixture, report);
  if (!fixture.io.contains("oracle_shift")) return;
  const auto batch = batch_of(fixture);
  const auto oracle =
      viterbi_alignment(sounds.ctc, sounds.frames, batch.tokens.clamp_min(0), batch.token_lengths);
  report.check("oracle_shift", oracle.shifted);
  const auto words = model.decode(sounds, oracle);
  report.check("oracle_att_out", words.log_probs);
  report.check("oracle_ids", padded_ids(ids_by(words, oracle.lengths), fixture.io.at("oracle_ids")));
}

}  // namespace

void replay_cassnat(const ParityCase& fixture, ParityReport& report) {
  CassNat model(official_cassnat_options(fixture.config));
  model.initialise();
  fixture.load(model, fixture.weights());
  if (fixture.config.has("train")) {
    check_training(model, fixture, report);
  } else {
    check_recognition(model, fixture, report);
  }
}

void replay_alignment(const ParityCase& fixture, ParityReport& report) {
  int64_t samples = 1;
  double threshold = 0.9;
  fixture.config.at("sample_num").read(samples, at_least(1));
  fixture.config.at("threshold").read(threshold, between(0, 1));
  const auto &log_probs = fixture.input("ctc_log_probs"), &frames = fixture.input("src_size"),
             &labels = fixture.input("labels"), &sizes = fixture.input("label_sizes");
  const auto mask = length_mask(frames, log_probs.size(1));
  const auto aligned = viterbi_alignment(log_probs, frames, labels, sizes);
  report.check("viterbi_shift", aligned.shifted);
  const auto trigger = trigger_mask(aligned, mask, frames);
  report.check("trigger_mask", trigger);
  report.check("trigger_len", aligned.lengths + 1);
  const auto there = mask.unsqueeze(1);
  const auto check = [&](const char* name, bool left, bool right, bool neighbours) {
    check_if_listed(name, widened(trigger, left, right, neighbours) & there, fixture, report);
  };
  check("trigger_mask_l1_r1", true, true, false);
  check("trigger_mask_l1_r0", true, false, false);
  check("trigger_mask_l0_r1", false, true, false);
  check("trigger_mask_neighbours", true, true, true);
  const auto second = numbers(fixture.input("sample_times").reshape({-1}));
  report.check("viterbi_topk_shift", viterbi_alignment(log_probs, frames, labels, sizes, second).shifted);
  const auto greedy = greedy_alignment(log_probs, mask);
  report.check("best_shift", greedy.shifted);
  report.check("best_len", greedy.lengths);
  const auto sampled =
      sampled_alignment(log_probs.repeat_interleave(samples, 0), mask.repeat_interleave(samples, 0), samples,
                        threshold, fixture.input("esa_select"));
  report.check("sampled_shift", sampled.shifted);
  report.check("sampled_len", sampled.lengths);
}

}  // namespace arzoo::speech
