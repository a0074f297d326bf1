#include <torch/torch.h>

#include "image/fixture.h"
#include "image/vq_loss.h"
#include "runtime/training_replay.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

void check_gradients(const ParityCase& fixture, const torch::nn::Module& model, ParityReport& report) {
  for (const auto& parameter : model.named_parameters()) {
    const auto name = "train.grad." + parameter.key();
    if (fixture.io.contains(name)) report.check(name, parameter.value().grad());
  }
}

/// All directions, once under autograd and once as in inference: they take other kernels.
void replay_directions(const ParityCase& fixture, LlamaGenVq& vae, ParityReport& report) {
  const auto images = fixture.input("img"), codes = fixture.input("codes");
  for (const bool training : {false, true}) {
    const torch::AutoGradMode mode(training);
    report.check("encoder", part<nn::ConvEncoder>(vae, "encoder")->forward(images));
    report.check("z", vae.features(images));
    const auto ids = vae.tokens(images);
    report.check("ids", ids);
    const auto quantised = vae.quantizer().lookup(ids);
    report.check("quant", quantised);
    report.check("rec", vae.decode_unclamped(quantised));
    report.check("codes.quant", vae.quantizer().lookup(codes));
    report.check("codes.img", vae.decode_unclamped(vae.quantizer().lookup(codes)));
  }
}

void replay_codebook_losses(const ParityCase& fixture, LlamaGenVq& vae, ParityReport& report) {
  const auto code = vae.train_pass(fixture.input("img")).code;
  report.check("train.vq_loss", code.vq.detach());
  report.check("train.commit_loss", code.commit.detach());
  report.check("train.entropy_loss", code.entropy.detach());
  (code.vq + code.commit + code.entropy).backward();
  check_gradients(fixture, vae, report);
}

runtime::TrainingOptions vq_training(const Config& train) {
  runtime::TrainingOptions options;
  options.optimizer = "adam";
  options.lradj = "constant";
  train.at("lr").read(options.learning_rate, more_than(0));
  train.at("betas").read(options.betas, {});
  train.at("eps").read(options.eps, {});
  if (train.has("weight_decay")) train.at("weight_decay").read(options.weight_decay, {});
  train.at("max_grad_norm").read(options.clip_grad_norm, at_least(0));
  return options;
}

/// Weights that a case lists, by the names that it gives them, and how far they moved.
struct ListedWeights {
  ListedWeights(const ParityCase& fixture, const torch::nn::Module& model, const char* key) {
    fixture.config.at(key).read(names, {});
    const auto parameters = model.named_parameters();
    for (const auto& name : names) {
      weights.push_back(parameters[name]);
      start.push_back(parameters[name].detach().clone());
    }
  }
  at::Tensor changes() const {
    std::vector<double> norms;
    for (std::size_t i = 0; i < weights.size(); ++i)
      norms.push_back((weights[i].detach() - start[i]).norm().item<double>());
    return at::tensor(norms, at::kDouble);
  }
  std::vector<std::string> names;
  std::vector<at::Tensor> weights, start;
};

/// The discriminator that a case starts from; its counters of batches are of no use.
std::shared_ptr<Discriminator> loaded_discriminator(const ParityCase& fixture, const VqLossOptions& options,
                                                    int64_t resolution) {
  const auto own = weights_of(fixture.weights(), "discriminator.");
  auto discriminator = make_discriminator(options, resolution);
  runtime::load_strictly(*discriminator, own, own.where(),
                         [](std::string_view name) { return name.ends_with("num_batches_tracked"); });
  discriminator->to(fixture.device);
  return discriminator;
}

void replay_vq_training(const ParityCase& fixture, ParityReport& report) {
  const auto section = fixture.config.at("train");
  const auto loss_options = options_among<VqLossOptions>(section);
  LlamaGenVq vae(options_among<LlamaGenVqOptions>(fixture.config));
  fixture.load(vae, weights_at(fixture, fixture.config.text("init_weights")));
  const auto discriminator = loaded_discriminator(fixture, loss_options, fixture.input("imgs").size(-1));
  const auto all = trained_together(vae, discriminator);
  all->train();
  const ListedWeights own(fixture, vae, "param_order"),
      adversary(fixture, *discriminator, "disc_param_order");
  int64_t steps = 0;
  section.at("steps").read(steps, at_least(1));
  std::vector<at::Tensor> generator, opponent, codebook;
  const auto loss = [&](int64_t step) -> runtime::Losses {
    const auto images = fixture.input("imgs")[step];
    const auto pass = vae.train_pass(images);
    const auto losses = vq_losses(loss_options, vae, pass, images, discriminator.get(),
                                  adversarial_weight(loss_options, step));
    generator.push_back(losses.generator.detach());
    opponent.push_back(losses.discriminator.detach());
    codebook.push_back(at::stack({pass.code.vq, pass.code.commit, pass.code.entropy}).detach());
    return {losses.generator + losses.discriminator};
  };
  const auto log = runtime::replay_training({.model = *all,
                                             .options = vq_training(section),
                                             .steps = steps,
                                             .loss = loss,
                                             .clipped_apart = discriminator->parameters()});
  report.check("loss_gen", at::stack(generator));
  report.check("loss_disc", at::stack(opponent));
  report.check("codebook", at::stack(codebook));
  report.check("grad_norm", at::tensor(log.gradient_norms, at::kDouble));
  report.check("grad_norm_disc", at::tensor(log.norms_apart, at::kDouble));
  report.check("delta_norms", own.changes());
  report.check("delta_norms_disc", adversary.changes());
  for (std::size_t i = 0; i < own.names.size(); ++i) {
    if (fixture.io.contains("final." + own.names[i]))
      report.check("final." + own.names[i], own.weights[i].detach());
  }
}

}  // namespace

void replay_llamagen_vq(const ParityCase& fixture, ParityReport& report) {
  if (fixture.config.has("train")) return replay_vq_training(fixture, report);
  LlamaGenVq vae(options_among<LlamaGenVqOptions>(fixture.config));
  fixture.load(vae, fixture.weights());
  vae.eval();
  replay_directions(fixture, vae, report);
  replay_codebook_losses(fixture, vae, report);
}

}  // namespace arzoo::image
