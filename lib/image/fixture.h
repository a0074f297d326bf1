#pragma once

#include "core/options_among.h"
#include "image/kl_vae.h"
#include "image/var_files.h"
#include "image/var_sampler.h"
#include "runtime/module_part.h"
#include "runtime/parity.h"

/// What the replays of this family share.
namespace arzoo::image {

/// Options of a transformer, whose tokenizer is the section "vae" of `official`.
VarOptions var_options_among(const Config& transformer, const Config& vae);

/// Options among the keys of an official class, whose tokenizer is a KL-VAE told by vae_embed_dim and
/// vae_stride. Throws ConfigError.
template <class Options>
Options options_with_kl_vae(const Config& config) {
  int64_t channels = 0, stride = 0;
  config.at("vae_embed_dim").read(channels, at_least(1));
  config.at("vae_stride").read(stride, between(1, 128));
  KlVaeOptions vae;
  vae.embed_dim = channels;
  vae.ch_mult.clear();
  for (int64_t level = 1; level <= stride; level *= 2) vae.ch_mult.push_back(1);
  if (vae.downsampling() != stride)
    config.at("vae_stride").reject(fmt::format("expected a power of two, got {}", stride));
  vae.resolution = stride * 8;
  Json all = config.json();
  all["vae"] = arzoo::to_json(vae);
  return options_among<Options>(Config(std::move(all), config.name(), config.pointer()));
}

/// Weights that a case names, its own or another case's beside it ("../other/weights.safetensors"). Throws
/// CheckpointError for a path that leads elsewhere.
runtime::NamedTensors weights_at(const runtime::ParityCase& fixture, const std::string& path);

/// Those of the tensors whose names begin with `prefix`, without it; of no prefix those that belong to none
/// of `others`.
runtime::NamedTensors weights_of(const runtime::NamedTensors& all, const std::string& prefix,
                                 const std::vector<std::string>& others = {});

using runtime::part;

/// A model with its weights, on the case's device. load: of the weights; tables that they lack are noted.
template <class Load>
auto placed(const runtime::ParityCase& fixture, const runtime::NamedTensors& weights, const Load& load) {
  const auto model = load(weights);
  fixture.note_tables(*model, weights);
  model->to(fixture.device);
  return model;
}
inline std::shared_ptr<Var> placed_var(const runtime::ParityCase& fixture, const VarOptions& options,
                                       const runtime::NamedTensors& weights) {
  return placed(fixture, weights, [&](const auto& tensors) { return load_var(options, tensors); });
}
inline std::shared_ptr<Vqvae> placed_vqvae(const runtime::ParityCase& fixture, const VqvaeOptions& options,
                                           const runtime::NamedTensors& weights) {
  return placed(fixture, weights, [&](const auto& tensors) { return load_vqvae(options, tensors); });
}

/// A number of denoising steps, which the official code takes as text. Throws ConfigError at `where`.
int64_t diffusion_steps(const Config& where, const std::string& text);

/// A recorded [B, L] map of token ids, apart by scale.
std::vector<at::Tensor> by_scale(const at::Tensor& ids, const Grids& grids);

/// One recorded generation.
struct RecordedRun {
  const runtime::ParityCase& fixture;
  std::string name;
  Config options;  ///< of the run: cfg, top_k, …

  at::Tensor labels() const { return fixture.input(name + ".label_B"); }
  VarSampling sampling() const;
};

/// Keeps all that a generation shows.
class GenerationRecord : public SamplingObserver {
 public:
  std::vector<at::Tensor> logits, ids, f_hat, maps;

  void on_logits(std::size_t scale, const at::Tensor& logits) override;
  void on_scale(std::size_t scale, const at::Tensor& ids, const at::Tensor& f_hat,
                const at::Tensor& next) override;
};

/// A replay of one kind of case.
void replay_vqvae(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// Token maps of a [[h, w], …] list.
Grids read_grids(const Config& sides);
void replay_quantizer(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// Teacher forcing and sampling, training steps, or a published checkpoint file.
void replay_var_case(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_var(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_code(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_var_training(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// NFIG: the bands, the quantiser, and generation by a VAR over them.
void replay_frequency_bands(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_band_quantizer(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_band_generation(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_schedules(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_kl_vae(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_diffusion_tables(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_diffusion_head(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_mar(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_himar(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// The diffusion transformer of Hi-MAR's second phase alone.
void replay_grid_head(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// Joint loss, generation and training steps of an MMAR; its diffusion head alone.
void replay_mmar(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_mmar_head(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_flowar(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// Forward, loss and sampling of a LlamaGen, its training steps, of classes or of captions.
void replay_llamagen_case(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// Its tokenizer: all directions, or training steps with a discriminator.
void replay_llamagen_vq(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_published(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::image
