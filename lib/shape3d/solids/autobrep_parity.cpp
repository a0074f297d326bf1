#include <torch/torch.h>

#include <algorithm>

#include "core/options_among.h"
#include "shape3d/fixture.h"
#include "shape3d/solids/autobrep_fsq_model.h"
#include "shape3d/solids/autobrep_model.h"
#include "shape3d/solids/brep_fixture.h"
#include "shape3d/trained_replay.h"

namespace arzoo::shape3d {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// What a case holds of a tensor: all of it, or every so many rows and columns of its last axes.
void check_some(const std::string& name, at::Tensor value, const ParityCase& fixture, ParityReport& report) {
  if (!fixture.io.contains(name)) return;
  const auto& expected = fixture.io.at(name);
  for (int64_t axis = 1; axis < value.dim() && value.dim() == expected.dim(); ++axis) {
    const int64_t own = value.size(axis), shown = expected.size(axis);
    if (shown > 0 && shown < own)
      value = value.slice(axis, std::nullopt, std::nullopt, (own + shown - 1) / shown);
  }
  report.check(name, value);
}

/// One of the two auto-encoders of a case; its names begin with "surface." or "edge.".
void replay_coder(const ParityCase& fixture, BrepCoder& coder, const std::string& prefix, const at::Tensor& x,
                  ParityReport& report) {
  const auto encoded = coder.encode(x);
  const auto decoded = coder.decode(encoded.codes);
  report.check(prefix + "latent", encoded.latent);
  report.check(prefix + "z", encoded.z);
  report.check(prefix + "quant", encoded.codes);
  report.check(prefix + "ids", encoded.ids);
  check_some(prefix + "decoded", decoded, fixture, report);
  check_some(prefix + "decoded", coder.decode_ids(fixture.io.at(prefix + "ids")), fixture, report);
  check_batch_training(
      fixture, coder, [&] { return runtime::Losses{coder.loss(x)}; }, report, prefix);
}

/// The levels of the case that quantises alone stand in its words: "levels 8,5,4,3".
std::vector<int64_t> quantizer_levels(const ParityCase& fixture) {
  std::vector<int64_t> levels;
  if (fixture.config.has("levels")) {
    fixture.config.at("levels").read(levels, nonempty(between(2, 4096)));
    return levels;
  }
  const auto words = fixture.info.at("outputs").at("fsq.codes").text("meaning");
  const auto at = words.find("levels");
  if (at == std::string::npos)
    fail<CheckFailed>("{}: case.json: /outputs/fsq.codes/meaning: expected \"levels L1,L2,…\"", fixture.name);
  int64_t number = 0;
  bool inside = false;
  for (const char c : words.substr(at + 6) + "#") {
    if (c >= '0' && c <= '9') {
      number = std::min<int64_t>(10 * number + (c - '0'), 1 << 20);
      inside = true;
      continue;
    }
    if (inside) levels.push_back(number);
    number = 0;
    inside = false;
    if (c != ',' && c != ' ') break;
  }
  return levels;
}

void replay_ar_training(const ParityCase& fixture, const std::shared_ptr<Autobrep>& model,
                        ParityReport& report) {
  const auto &tokens = fixture.input("tokens"), &left_out = fixture.input("loss_mask");
  {
    const torch::NoGradGuard no_grad;
    nn::DecoderTrace trace;
    at::Tensor last;
    check_some("logits", model->forward(tokens, &trace, &last), fixture, report);
    check_some("attn0", trace.blocks.at(0).attended, fixture, report);
    check_some("ff0", trace.blocks.at(0).fed, fixture, report);
    check_some("final", last, fixture, report);
    check_some("logits", model->forward(tokens), fixture, report);
  }
  check_batch_training(
      fixture, *model, [&] { return model->loss(tokens, left_out); }, report);
}

void replay_ar_sampling(const ParityCase& fixture, const Autobrep& model, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto& prompt = fixture.input("prompt");
  int64_t steps = 0, eos = kEos;
  fixture.config.at("seq_len").read(steps, at_least(1));
  if (fixture.config.has("eos")) fixture.config.at("eos").read(eos, at_least(0));
  AutobrepGenerationOptions options;
  fixture.config.at("top_p").read(options.top_p, between(0, 1));
  fixture.config.at("temperature").read(options.temperature, at_least(0));
  auto rules = decoding_rules(options);
  rules.ends = {};  // officially a row that has ended goes on until all have
  AutobrepStream stream(model, /*grammar=*/false, steps);
  nn::ReplayedRandomInputs random_inputs(fixture.input("noise").transpose(0, 1).contiguous().cpu());
  std::vector<at::Tensor> distributions;
  auto ended = at::zeros({prompt.size(0)}, at::kBool);
  const auto sampled =
      nn::decode_tokens(stream, prompt, steps, rules, random_inputs, [&](const nn::DecodingStep& step) {
        distributions.push_back(at::softmax(step.allowed, -1));
        ended = ended.logical_or(step.ids.eq(eos));
        return !ended.all().item<bool>();
      });
  const auto own = sampled.narrow(1, prompt.size(1), sampled.size(1) - prompt.size(1));
  const auto is_end = own.eq(eos).to(at::kLong);
  const auto behind = is_end.cumsum(1).sub(is_end).gt(0);
  report.check("tokens", own.masked_fill(behind, 0));
  const auto all = at::stack(distributions);
  const int64_t shown = fixture.io.at("probs").size(0);
  report.check("probs", all.slice(0, std::nullopt, std::nullopt, (all.size(0) + shown - 1) / shown));
}

}  // namespace

void replay_autobrep_fsq(const ParityCase& fixture, ParityReport& report) {
  const auto model = std::make_shared<AutobrepFsq>(options_among<AutobrepFsqOptions>(fixture.config));
  fixture.load(*model, fixture.weights());
  replay_coder(fixture, model->surface(), "surface.",
               fixture.input("face_points_normalized").permute({0, 3, 1, 2}).contiguous(), report);
  replay_coder(fixture, model->edge(), "edge.",
               fixture.input("edge_points_normalized").permute({0, 2, 1}).contiguous(), report);
  if (!fixture.io.contains("fsq.codes")) return;
  const FiniteScalarQuantizer quantizer(quantizer_levels(fixture));
  const auto codes = quantizer.codes(fixture.input("fsq.z"));
  report.check("fsq.codes", codes);
  report.check("fsq.ids", quantizer.ids(codes));
  report.check("fsq.codes", quantizer.opened(fixture.io.at("fsq.ids")));
}

void replay_autobrep_ar(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<AutobrepOptions>(fixture.config);
  if (!fixture.config.has("dropout")) options.dropout = 0.0;
  const auto model = std::make_shared<Autobrep>(options);
  fixture.load(*model, fixture.weights());
  model->eval();
  if (fixture.has_input("prompt")) {
    replay_ar_sampling(fixture, *model, report);
  } else {
    replay_ar_training(fixture, model, report);
  }
}

}  // namespace arzoo::shape3d
