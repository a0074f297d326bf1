#include <torch/torch.h>

#include "core/seeded_random.h"
#include "image/fixture.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

void check_if_kept(const ParityCase& fixture, ParityReport& report, const std::string& name,
                   const at::Tensor& value) {
  if (fixture.io.contains(name)) report.check(name, value);
}

/// The same logits in three ways: at once under autograd, scale by scale with a cache, all scales at once
/// with a cache.
void replay_teacher_forcing(const ParityCase& fixture, Var& model, ParityReport& report) {
  const auto labels = fixture.input("tf.label_B"), maps = fixture.input("tf.x_BLCv");
  runtime::Trace trace;
  report.check("tf.logits", model.forward(labels, maps, {}, &trace));
  for (const auto& [name, value] : trace) check_if_kept(fixture, report, "tf." + name, value);
  const torch::NoGradGuard no_grad;
  const auto& grids = model.grids();
  auto generation = model.begin(labels, /*guided=*/false);
  std::vector<at::Tensor> logits;
  int64_t begin = 0;
  for (std::size_t k = 0; k < grids.size(); ++k) {
    const auto seen = k == 0 ? at::Tensor() : maps.narrow(1, begin, grids[k].tokens());
    if (k > 0) begin += grids[k].tokens();
    logits.push_back(
        model.guided_logits(generation, model.extend(generation, seen, 1, model.all_blocks()), 0.0));
  }
  report.check("tf.logits", at::cat(logits, 1));
}

void replay_train_mode(const ParityCase& fixture, VarOptions options, ParityReport& report) {
  if (!fixture.io.contains("train.logits")) return;
  fixture.config.at("train_drop_path_rate").read(options.drop_path_rate, from_below(0, 1));
  const auto model = placed_var(fixture, options, fixture.weights());
  model->train();
  const auto labels = model->dropped(fixture.input("tf.label_B"), fixture.input("train.cond_rand"));
  report.check("train.logits",
               model->forward(labels, fixture.input("tf.x_BLCv"), fixture.input("train.keep_mask")));
}

void replay_run(const RecordedRun& run, const VarSampler& sampler, ParityReport& report) {
  const auto& fixture = run.fixture;
  const auto name = [&](const char* output) { return run.name + "." + output; };
  const auto input_if_any = [&](const char* input) {
    return fixture.has_input(name(input)) ? fixture.input(name(input)).cpu() : at::Tensor();
  };
  nn::ReplayedRandomInputs random_inputs(fixture.input(name("noise_BLV")).cpu(),
                                         input_if_any("gumbel_exp_BLV"));
  GenerationRecord record;
  runtime::Trace trace;
  const auto f_hat = sampler.features(run.labels(), run.sampling(), random_inputs, &record, &trace);
  std::vector<at::Tensor> first_block;
  for (const auto& [block, value] : trace) {
    if (block == "block0") first_block.push_back(value);
  }
  const auto check = [&](const char* output, const at::Tensor& value) {
    if (fixture.io.contains(name(output))) report.check(name(output), value, fixture.tolerance);
  };
  check("idx_BL", at::cat(record.ids, 1));
  check("logits_BLV", at::cat(record.logits, 1));
  check("block0_2BLC", at::cat(first_block, 1));
  check("f_hat_SBChw", at::stack(record.f_hat));
  check("next_map_BLC", at::cat(record.maps, 1));
  check("f_hat", f_hat);
  check("image", sampler.pictures(f_hat));
}

/// The last tokens along axis 1.
at::Tensor last(const at::Tensor& x, int64_t tokens) { return x.narrow(1, x.size(1) - tokens, tokens); }

void replay_code_run(const RecordedRun& run, VarSampler& sampler, const Var& drafter, const Var& refiner,
                     ParityReport& report) {
  const auto& fixture = run.fixture;
  const auto name = [&](const char* output) { return run.name + "." + output; };
  int64_t steps = 0;
  run.options.at("draft_steps").read(steps, at_least(1));
  sampler.refine_with(refiner, steps);
  // The official refiner seeds its generator again and discards the random numbers of the drafted scales.
  const auto drafted = fixture.input(name("draft_noise")).cpu(),
             refined = fixture.input(name("refine_noise")).cpu();
  const int64_t rest = tokens_of(drafter.grids()) - drafted.size(1);
  nn::ReplayedRandomInputs random_inputs(at::cat({drafted, last(refined, rest)}, 1));
  GenerationRecord record;
  const auto f_hat = sampler.features(run.labels(), run.sampling(), random_inputs, &record);
  const auto logits = at::cat(record.logits, 1);
  report.check(name("draft_logits"), logits.narrow(1, 0, drafted.size(1)));
  report.check(name("refine_logits"), last(logits, rest));
  report.check(name("token_hub"),
               at::cat(std::vector<at::Tensor>(record.maps.begin(), record.maps.begin() + steps), 1));
  report.check(name("f_hat_draft"), record.f_hat.at(steps - 1));
  report.check(name("idx_BL"), at::cat(record.ids, 1));
  report.check(name("f_hat"), f_hat);
  report.check(name("image"), sampler.pictures(f_hat));
}

/// A file's tensors against the manifest: shape, and sum and length of the finite numbers.
void check_manifest(const runtime::NamedTensors& tensors, const Config& manifest, const ParityCase& fixture,
                    const std::string& file, ParityReport& report) {
  const auto entries = manifest.members();
  if (entries.size() != tensors.size())
    fail<CheckpointError>("{}: {} has {} tensors, expected {}", fixture.name, file, tensors.size(),
                          entries.size());
  std::vector<double> sums, lengths, expected_sums, expected_lengths;
  for (const auto& [name, entry] : entries) {
    const auto& tensor = tensors.at(name);
    std::vector<int64_t> shape;
    entry.at("shape").read(shape, {});
    if (tensor.sizes() != at::IntArrayRef(shape))
      fail<CheckpointError>("{}: {} of {} has another shape than in the manifest", fixture.name, name, file);
    const auto numbers = tensor.to(at::kDouble);
    const auto finite = numbers.masked_select(numbers.isfinite());
    sums.push_back(finite.sum().item<double>());
    lengths.push_back(finite.norm().item<double>());
    entry.at("sum").read(expected_sums.emplace_back(), {});
    entry.at("l2").read(expected_lengths.emplace_back(), {});
  }
  const auto compare = [&](const char* what, const std::vector<double>& values,
                           const std::vector<double>& expected) {
    report.check_value(file + " " + what, at::tensor(values, at::kDouble), at::tensor(expected, at::kDouble),
                       fixture.tolerance);
  };
  compare("sums", sums, expected_sums);
  compare("lengths", lengths, expected_lengths);
}

/// Throws CheckFailed unless the options read from the shapes are those that the case states.
template <class Options>
void require_options(const Options& read, const Options& stated, const std::string& file) {
  const auto a = arzoo::to_json(read), b = arzoo::to_json(stated);
  for (const auto& [key, value] : a.items()) {
    // A transformer's file knows of its tokenizer only the sizes of the code.
    if (key != "vae" && value != b.at(key) && key != "mlp_ratio" && key != "v_patch_nums")
      fail<CheckFailed>("{}: {} reads as {}, expected {}", file, key, dump_json(value), dump_json(b.at(key)));
  }
}

}  // namespace

void replay_var(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  const auto options = var_options_among(config, config.at("vae"));
  const auto vae = placed_vqvae(fixture, options.vae, weights_at(fixture, config.text("vae_weights")));
  const auto model = placed_var(fixture, options, fixture.weights());
  replay_teacher_forcing(fixture, *model, report);
  replay_train_mode(fixture, options, report);
  const VarSampler sampler(*vae, *model);
  // As loaded, and once more as a generation uses them.
  for (const bool packed : {false, true}) {
    for (torch::nn::Module* part : std::initializer_list<torch::nn::Module*>{vae.get(), model.get()}) {
      if (packed) kernels::pack_for_inference(*part);
    }
    for (const auto& [name, run] : config.at("runs").members())
      replay_run({fixture, name, run}, sampler, report);
  }
}

void replay_code(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  const auto load = [&](const char* role) {
    return placed_var(fixture, var_options_among(config.at(role), config.at("vae")),
                      weights_at(fixture, config.text(std::string(role) + "_weights")));
  };
  const auto vae = placed_vqvae(fixture, options_among<VqvaeOptions>(config.at("vae")),
                                weights_at(fixture, config.text("vae_weights")));
  const auto drafter = load("draft"), refiner = load("refine");
  VarSampler sampler(*vae, *drafter);
  for (const auto& [name, run] : config.at("runs").members())
    replay_code_run({fixture, name, run}, sampler, *drafter, *refiner, report);
}

void replay_published(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  const auto manifest = Config::load(fixture.folder / "manifest.json");
  const auto open = [&](const std::string& key, const std::string& dict) {
    const auto file = std::filesystem::path(config.text(key)).filename();
    auto tensors = runtime::open_tensors(fixture.folder / file, dict);
    auto entry = file.string() + (dict.empty() ? "" : ":" + dict);
    std::replace(entry.begin() + static_cast<std::ptrdiff_t>(file.string().size()), entry.end(), '.', '/');
    check_manifest(tensors, manifest.at(entry), fixture, entry, report);
    return tensors;
  };
  const auto trained_var = open("trainer_file", "trainer.var_wo_ddp");
  const auto trained_vae = open("trainer_file", "trainer.vae_local");
  const auto stated = var_options_among(config.at("trainer_var"), config.at("trainer_vae"));
  auto trained_options = var_options_of(trained_var);
  trained_options.drop_path_rate = stated.drop_path_rate;
  require_options(trained_options, stated, "trainer_file");
  load_var(trained_options, trained_var);
  load_vqvae(vqvae_options_of(trained_vae), trained_vae);
  const auto var_weights = open("var_file", ""), vae_weights = open("vae_file", "");
  const auto options = var_options_of(var_weights);
  const auto vae_options = vqvae_options_of(vae_weights);
  require_options(options, var_options_among(config, config.at("vae")), "var_file");
  require_options(vae_options, options_among<VqvaeOptions>(config.at("vae")), "vae_file");
  const auto vae = placed_vqvae(fixture, vae_options, vae_weights);
  const auto model = placed_var(fixture, options, var_weights);
  const VarSampler sampler(*vae, *model);
  // A case may leave its run's options to its words; those of the official example are these.
  VarSampling sampling;
  sampling.cfg_scale = 1.5;
  nn::TokenSampling filter{.top_k = 1, .top_p = 0.0, .temperature = 1.0};
  if (config.has("run")) {
    const auto run = config.at("run");
    if (run.has("cfg")) run.at("cfg").read(sampling.cfg_scale, {});
    if (run.has("top_k")) run.at("top_k").read(filter.top_k, at_least(0));
    if (run.has("top_p")) run.at("top_p").read(filter.top_p, between(0, 1));
  }
  sampling.scales = {filter};
  const auto labels = fixture.input("ar.label_B");
  nn::SeededRandomInputs random_inputs(item_seeds(0, 0, static_cast<std::size_t>(labels.numel())));
  GenerationRecord record;
  const auto f_hat = sampler.features(labels, sampling, random_inputs, &record);
  report.check("ar.idx_BL", at::cat(record.ids, 1));
  report.check("ar.logits_BLV", at::cat(record.logits, 1));
  report.check("ar.image", sampler.pictures(f_hat));
}

}  // namespace arzoo::image
