#include <torch/torch.h>

#include "core/options_among.h"
#include "distill/dd1_var.h"
#include "distill/fixture.h"
#include "distill/flow_mapping.h"
#include "distill/llamagen.h"
#include "image/llamagen_stream.h"
#include "image/var_sampler.h"

namespace arzoo::distill {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

const std::vector<std::string> kParts{"vae.", "teacher."};

/// The options of a case that speaks of VAR and its tokenizer in one breath.
image::VarOptions var_options_of(const Config& config) {
  auto options = options_among<image::VarOptions>(config);
  config.at("V").read(options.vae.vocab_size, at_least(1));
  config.at("Cvae").read(options.vae.z_channels, at_least(1));
  options.vae.v_patch_nums = options.patch_nums;
  return options;
}

/// A case's quantiser, student and, if it has one, teacher.
struct VarCase {
  explicit VarCase(const ParityCase& fixture)
      : weights(fixture.weights()),
        options(student_options(fixture.config)),
        vae(options.var.vae),
        student(options) {
    load_part(fixture, student, weights, "", kParts);
    load_part(fixture, vae.quantizer(), weights, "vae.quantize.");
  }

  static Dd1VarOptions student_options(const Config& config) {
    Dd1VarOptions options;
    options.var = var_options_of(config);
    config.at("loss_split_t").read(options.loss_split_t, at_least(1));
    return options;
  }
  const at::Tensor& codebook() { return vae.quantizer().codebook(); }
  at::Tensor nearest(const at::Tensor& x) {
    return image::nearest_codes(x.flatten(0, 1), codebook()).view({x.size(0), x.size(1)});
  }

  runtime::NamedTensors weights;
  Dd1VarOptions options;
  image::Vqvae vae;
  Dd1Var student;
};

/// What the official final_predict gives: predictions where tokens are noise, elsewhere the tokens
/// themselves.
at::Tensor given_first(const at::Tensor& given, const at::Tensor& predicted, int64_t data) {
  return at::cat({given.narrow(1, 0, data), predicted.narrow(1, data, predicted.size(1) - data)}, 1);
}

void replay_steps(const ParityCase& fixture, VarCase& parts, ParityReport& report) {
  const auto labels = fixture.input("labels"), noise = fixture.input("noise");
  const Dd1Sampler sampler(parts.student, parts.codebook());
  auto x = noise;
  int64_t step = 0;
  for (const int64_t t : integers_at(fixture.config, "t_list")) {
    const auto seen = sampler.perturbed(x, noise, t);
    runtime::Trace trace;
    const auto hidden = parts.student.hidden(labels, seen, t, &trace);
    const auto logits = parts.student.logits(hidden), continuous = parts.student.continuous(hidden);
    const int64_t data = parts.student.known(t);
    x = sampler.step(labels, seen, t);
    const auto check = [&](const char* name, const at::Tensor& value) {
      report.check(fmt::format("{}{}", name, step), value);
    };
    check("x_in", seen);
    check("conti", continuous);
    check("logits", logits);
    check("final_conti", given_first(seen, continuous, data));
    check("final_idx", given_first(parts.nearest(seen), logits.argmax(-1), data));
    check("x_out", x);
    for (const auto& [name, value] : trace) {
      if (name == "block0" && step == 0) report.check("block0", value);
    }
    ++step;
  }
  report.check("f_hat", parts.vae.quantizer().sum_of(x, parts.student.token_grids()));
}

/// Tokens that another program sampled; stores the probabilities that they would be sampled from.
class GivenTokens : public nn::TokenRandomInputs {
 public:
  /// ids: [B, …] of the tokens from `begin` on.
  GivenTokens(at::Tensor ids, int64_t begin) : ids_(std::move(ids)), begin_(begin) {}
  at::Tensor pick(const at::Tensor& logits, int64_t first) override {
    probabilities.push_back(at::softmax(logits, -1));
    return ids_.narrow(1, first - begin_, logits.size(1));
  }
  at::Tensor exponentials(const at::Tensor& logits, int64_t) override { return at::ones_like(logits); }

  std::vector<at::Tensor> probabilities;

 private:
  at::Tensor ids_;
  int64_t begin_;
};

void replay_with_teacher(const ParityCase& fixture, VarCase& parts, ParityReport& report) {
  const auto& config = fixture.config;
  image::Var teacher(parts.options.var);
  load_part(fixture, teacher, parts.weights, "teacher.");
  const auto labels = fixture.input("labels"), noise = fixture.input("noise");
  const auto times = integers_at(config, "t_list");
  const Dd1Sampler sampler(parts.student, parts.codebook());
  const auto first = parts.nearest(sampler.step(labels, noise, times.at(0)));
  report.check("first_idx", first);
  image::VarSampling sampling;
  sampling.cfg_scale = number_at(config, "cfg");
  sampling.scales = {
      {.top_k = static_cast<int64_t>(number_at(config, "top_k")), .top_p = number_at(config, "top_p")}};
  const auto start = static_cast<int64_t>(number_at(config, "t_teacher_start"));
  GivenTokens random_inputs(fixture.input("sampled_idx"), parts.student.known(start));
  const auto ids =
      TeacherSteps{teacher, parts.vae, sampling, start, times.at(1)}.resampled(labels, first, random_inputs);
  const auto kept = at::embedding(parts.codebook(), ids);
  report.check("probs", at::cat(random_inputs.probabilities, 1));
  report.check("teacher_seq", kept);
  const auto seen = sampler.perturbed(kept, noise, times.at(1));
  const auto x = sampler.step(labels, seen, times.at(1));
  report.check("x_out", x);
  report.check("f_hat", parts.vae.quantizer().sum_of(x, parts.student.token_grids()));
}

}  // namespace

void replay_dd1_var(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  VarCase parts(fixture);
  fixture.config.has("t_teacher_start") ? replay_with_teacher(fixture, parts, report)
                                        : replay_steps(fixture, parts, report);
}

void replay_dd1_llamagen(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto weights = fixture.weights();
  const auto options = llamagen_options_among(fixture.config);
  Dd1LlamaGen student(options);
  load_part(fixture, student, weights, "", {"codebook"});
  const auto& codebook = weights.at("codebook");
  const auto labels = fixture.input("labels"), noise = fixture.input("noise");
  const auto split = static_cast<int64_t>(number_at(fixture.config, "split_t"));
  auto x = noise;
  int64_t step = 0;
  for (const int64_t t : integers_at(fixture.config, "t_list")) {
    const auto seen = given_first(x, noise, t);
    nn::DecoderTrace trace;
    const auto predicted = student.forward(labels, seen, t, &trace);
    const auto nearest =
        image::nearest_codes(seen.flatten(0, 1), codebook).view({seen.size(0), seen.size(1)});
    const auto ids = given_first(nearest, predicted.logits.argmax(-1), t);
    const auto vectors = given_first(seen, predicted.continuous, t);
    x = given_first(at::embedding(codebook, ids), vectors, split);
    const auto check = [&](const char* name, const at::Tensor& value) {
      report.check(fmt::format("{}{}", name, step), value);
    };
    check("x_in", seen);
    check("gt_idx", nearest);
    check("tokens", predicted.continuous);
    check("logits", predicted.logits);
    check("final_tokens", vectors);
    check("final_idx", ids);
    check("x_out", x);
    if (step == 0) report.check("layer0", trace.hidden.at(1));
    ++step;
  }
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(options.block_size))));
  report.check("quant", x.transpose(1, 2).reshape({x.size(0), x.size(2), side, side}));
}

void replay_llamagen_trajectories(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto weights = fixture.weights();
  const auto options = llamagen_options_among(fixture.config);
  image::LlamaGen teacher(options);
  load_part(fixture, teacher, weights, "teacher.");
  const auto& codebook = weights.at("codebook");
  const auto labels = fixture.input("labels"), noise = fixture.input("noise");
  const double cfg = number_at(fixture.config, "cfg_scale");
  const auto steps = static_cast<int64_t>(number_at(fixture.config, "ode_steps"));
  teacher.eval();
  image::LlamaGenStream stream(teacher, {.labels = labels}, {.cfg = cfg});
  std::vector<at::Tensor> logits, ends, ids;
  for (int64_t i = 0; i < noise.size(1); ++i) {
    logits.push_back(i == 0 ? stream.begin() : stream.read(ids.back()).select(1, 0));
    ends.push_back(flow_end(logits.back(), noise.select(1, i), codebook, steps));
    ids.push_back(image::nearest_codes(ends.back(), codebook).unsqueeze(1));
  }
  const auto tokens = at::cat(ids, 1);
  report.check("logits", at::stack(logits, 1));
  report.check("ode_end", at::stack(ends, 1));
  report.check("tokens", tokens);
  report.check("teacher_forced_logits", teacher.guided_logits(labels, tokens, cfg));
}

}  // namespace arzoo::distill
