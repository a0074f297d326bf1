#include <torch/torch.h>

#include <cmath>

#include "image/fixture.h"
#include "image/mmar_sampling.h"
#include "image/recorded_steps.h"
#include "runtime/training_replay.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// The official names of options that follow from others here: image tokens from the tokenizer's grid.
MmarOptions recorded_mmar_options(const Config& config) {
  int64_t tokens = 0, channels = 0;
  config.at("num_image_tokens").read(tokens, between(1, 1 << 20));
  config.at("token_dim").read(channels, at_least(1));
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
  if (side * side != tokens)
    config.at("num_image_tokens").reject(fmt::format("expected a square, got {}", tokens));
  KlVaeOptions vae;
  vae.embed_dim = channels;
  vae.ch_mult = {1};
  vae.resolution = 8;
  Json all = config.json();
  all["vae"] = arzoo::to_json(vae);
  all["img_size"] = side;
  return options_among<MmarOptions>(Config(std::move(all), config.name(), config.pointer()));
}

std::shared_ptr<Mmar> load_mmar(const ParityCase& fixture) {
  auto model = std::make_shared<Mmar>(recorded_mmar_options(fixture.config));
  fixture.load(*model, fixture.weights());
  return model;
}

Captions captions_of(const ParityCase& fixture, const char* words, const char* lengths) {
  return {fixture.input(words), fixture.input(lengths)};
}

at::Tensor all_shown(const at::Tensor& tokens) {
  return at::zeros({tokens.size(0), tokens.size(1)}, tokens.options().dtype(at::kBool));
}

/// What a joint pass goes through.
void check_joint_pass(const ParityCase& fixture, const Mmar& model, ParityReport& report) {
  const auto x1 = fixture.input("x1"), x2 = fixture.input("x2");
  const auto captions1 = captions_of(fixture, "words1", "len1"),
             captions2 = captions_of(fixture, "words2", "len2");
  const auto sequence1 = model.text_to_image(captions1), sequence2 = model.image_to_text(captions2);
  report.check("ids1", sequence1.ids);
  report.check("ids2", sequence2.ids);
  const auto vision = model.vision(x1, fixture.input("mask").gt(0.5));
  report.check("vit1", vision);
  const auto visual = model.visual(vision);
  report.check("visual1", visual);
  nn::DecoderTrace trace;
  const auto states = model.states(sequence1, visual, &trace);
  const auto first = trace.hidden.at(1);
  // What padding says means nothing.
  const auto counts = sequence1.ids.ne(model.options().special_tokens.pad).unsqueeze(-1);
  report.check("layer0_1", at::where(counts, first, fixture.io.at("layer0_1")));
  const auto z = model.conditions(sequence1, states);
  report.check("z", z);
  const int64_t copies = model.options().diffusion_batch_mul;
  const auto of_rows = [&](const at::Tensor& x) { return x.flatten(0, 1).repeat({copies, 1}); };
  const auto rows =
      model.diffloss().rows(of_rows(x1), of_rows(z), fixture.input("t"), fixture.input("noise"));
  report.check("v_pred", rows.model_output);
  report.check("loss_rows", rows.errors.mse);
  const auto logits = model.logits(model.states(sequence2, model.visual(model.vision(x2, all_shown(x2)))));
  const auto said = sequence2.ids.ne(model.options().special_tokens.pad).unsqueeze(-1);
  report.check("text_logits", at::where(said, logits, fixture.io.at("text_logits")));
  report.check("text_loss_rows", model.text_errors(logits, sequence2, captions2));
}

struct JointLoss {
  at::Tensor image, text;
};
/// `step` < 0: of a case with one step.
JointLoss joint_loss(const ParityCase& fixture, const Mmar& model, int64_t step = -1) {
  const auto input = [&](const char* name) {
    return step < 0 ? fixture.input(name) : fixture.input(name)[step];
  };
  return {model.image_loss(fixture.input("x1"), captions_of(fixture, "words1", "len1"), input("mask").gt(0.5),
                           input("t"), input("noise")),
          model.text_errors(fixture.input("x2"), captions_of(fixture, "words2", "len2")).mean()};
}

void replay_joint_loss(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_mmar(fixture);
  model->train();
  // Twice: inference takes other kernels than training, and both must agree with the case.
  for (const bool training : {false, true}) {
    const torch::AutoGradMode mode(training);
    check_joint_pass(fixture, *model, report);
  }
  const auto loss = joint_loss(fixture, *model);
  report.check("image_loss", loss.image.view({1}));
  report.check("text_loss", loss.text.view({1}));
  (loss.image + loss.text).backward();
  report.check("grad_norms", listed_gradient_norms(fixture, *model));
  check_recorded_gradients(fixture, *model, report);
}

void replay_mmar_training(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_mmar(fixture);
  model->train();
  const auto section = fixture.config.at("optimizer");
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.lradj = "constant";
  options.no_weight_decay = no_weight_decay_mmar_names();
  section.at("lr").read(options.learning_rate, more_than(0));
  section.at("betas").read(options.betas, {});
  section.at("eps").read(options.eps, {});
  section.at("weight_decay").read(options.weight_decay, {});
  section.at("grad_clip").read(options.clip_grad_norm, more_than(0));
  int64_t steps = 0;
  section.at("steps").read(steps, at_least(1));
  std::vector<double> image, text;
  const auto loss_of = [&](int64_t step) -> runtime::Losses {
    const auto loss = joint_loss(fixture, *model, step);
    image.push_back(loss.image.item<double>());
    text.push_back(loss.text.item<double>());
    return {loss.image + loss.text};
  };
  const auto log =
      runtime::replay_training({.model = *model, .options = options, .steps = steps, .loss = loss_of});
  report.check("image_loss", at::tensor(image, at::kDouble));
  report.check("text_loss", at::tensor(text, at::kDouble));
  report.check("grad_norm", at::tensor(log.gradient_norms, at::kDouble));
  report.check("param_norms", runtime::weight_norms(*model, runtime::listed_names(fixture, "norm_names")));
  check_recorded_weights(fixture, *model, report);
}

MmarSampling recorded_mmar_sampling(const Config& config) {
  MmarSampling sampling;
  config.at("num_iter").read(sampling.num_iter, at_least(1));
  config.at("cfg").read(sampling.cfg, {});
  std::string schedule;
  config.at("cfg_schedule").read(schedule, one_of({"linear", "constant"}));
  sampling.linear_cfg = schedule == "linear";
  sampling.num_sampling_steps = diffusion_steps(config, config.text("denoising_steps"));
  return sampling;
}

void replay_mmar_generation(const ParityCase& fixture, ParityReport& report) {
  const auto model = load_mmar(fixture);
  model->eval();
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> masks, z, sampled;
  std::vector<double> guidance;
  std::vector<int64_t> counts;
  const MmarRequest request{captions_of(fixture, "words", "len"), fixture.input("orders"),
                            [&](const MmarStep& step) {
                              masks.push_back(step.masked.to(at::kFloat));
                              z.push_back(step.z);
                              sampled.push_back(step.sampled);
                              guidance.push_back(step.cfg);
                              counts.push_back(step.sampled.size(0));
                            }};
  int64_t used = 0;
  const auto noise = [&](const nn::MaskedPlaces& places, int64_t) {
    const auto rows = fixture.input("init_noise").narrow(0, used, places.rows());
    used += places.rows();
    return rows;
  };
  const auto tokens = sample_mmar_tokens(*model, request, recorded_mmar_sampling(fixture.config), noise);
  report.check("masks", at::stack(masks));
  report.check("num_pred", at::tensor(counts, at::kLong));
  report.check("cfg_iter", at::tensor(guidance, at::kDouble));
  report.check("z", at::stack(z));
  report.check("sampled", at::cat(sampled));
  report.check("tokens", tokens);
  const int64_t most = fixture.io.at("described").size(1);
  const auto words = describe_tokens(*model, tokens, most);
  const int64_t pad = model->options().special_tokens.pad;
  report.check("described", at::constant_pad_nd(words, {0, most - words.size(1)}, pad));
  report.check("scores", caption_scores(*model, tokens, captions_of(fixture, "cand_words", "cand_len")));
}

/// How an error of the network's output enters the next step, by epsilon and by v, [steps - 1, 2].
at::Tensor amplification(const nn::DiffusionSchedule& schedule) {
  std::vector<at::Tensor> rows;
  for (std::size_t k = 1; k < schedule.betas.size(); ++k) {
    const double a = schedule.sqrt_alphas_cumprod[k], s = schedule.sqrt_one_minus_alphas_cumprod[k];
    const double before_a = schedule.sqrt_alphas_cumprod[k - 1],
                 before_s = schedule.sqrt_one_minus_alphas_cumprod[k - 1];
    rows.push_back(at::tensor({std::abs(before_s - before_a / a * s), std::abs(before_s * a - before_a * s)},
                              at::kDouble));
  }
  return at::stack(rows);
}

}  // namespace

void replay_mmar(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("optimizer")) return replay_mmar_training(fixture, report);
  if (fixture.config.has("num_iter")) return replay_mmar_generation(fixture, report);
  replay_joint_loss(fixture, report);
}

void replay_mmar_head(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  nn::DiffusionHeadOptions options;
  config.at("token_dim").read(options.channels, at_least(1));
  config.at("hidden_size").read(options.condition_width, at_least(1));
  config.at("diffloss_w").read(options.width, at_least(1));
  config.at("diffloss_d").read(options.depth, at_least(1));
  options.outputs = options.channels;
  std::string prediction, schedule_name;
  config.at("prediction").read(prediction, one_of({"v"}));
  config.at("noise_schedule").read(schedule_name, one_of({"cosine"}));
  options.prediction = nn::prediction_of(prediction);
  torch::nn::Module holder;
  const auto head = holder.register_module("diffloss", std::make_shared<nn::DiffusionLoss>(options));
  fixture.load(holder, fixture.weights());
  const nn::DiffusionSchedule schedule;
  report.check("alphas_cumprod", at::tensor(schedule.alphas_cumprod, at::kDouble));
  const auto &x0 = fixture.input("x0"), &t = fixture.input("t"), &noise = fixture.input("noise"),
             &z = fixture.input("z");
  const auto rows = head->rows(x0, z, t, noise);
  report.check("x_t", rows.x_t);
  report.check("v", schedule.noised(noise, t, -x0));
  report.check("v_pred", rows.model_output);
  const auto loss = rows.errors.mse.mean();
  report.check("loss", loss.view({1}));
  loss.backward();
  report.check("grad_input_proj", holder.named_parameters()["diffloss.net.input_proj.weight"].grad());
  const torch::NoGradGuard no_grad;
  const auto& start = fixture.input("init_noise");
  const nn::DiffusionRandomInputs random_inputs{[&] { return start; }};
  report.check("sampled20", head->sample(z, nn::DiffusionSchedule(20), {}, random_inputs));
  constexpr double kRecordedScale = 2.5;  // as case.json says it
  report.check("sampled50_cfg",
               head->sample(at::cat({z, fixture.input("z_uncond")}), nn::DiffusionSchedule(50),
                            {.cfg = kRecordedScale}, random_inputs));
  report.check("amplification", amplification(nn::DiffusionSchedule(20)));
}

}  // namespace arzoo::image
