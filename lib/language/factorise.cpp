#include "language/factorise.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>

#include "core/atomic_file.h"
#include "core/run_dir.h"
#include "core/zoo.h"
#include "language/decoder_lm.h"
#include "language/dsformer_model.h"
#include "language/ssa_lm.h"
#include "language/text_folder.h"
#include "runtime/device.h"
#include "runtime/model_folder.h"
#include "runtime/parameter_count.h"

namespace arzoo::language {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMaps[] = {"attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"};

/// Slices of the input and shares of their full rank that are tried.
constexpr int64_t kBlocks[] = {1, 2, 4, 8};
constexpr double kRankShares[] = {1.0, 0.75, 0.5, 0.375, 0.25, 0.1875, 0.125};

struct Factors {
  at::Tensor left, right;  ///< of each slice: roots of all singular values times their vectors
};

/// The singular value decomposition of each of `blocks` slices of the input, [b, out, n] and [b, n, in / b].
Factors factors_of(const at::Tensor& weight, int64_t blocks) {
  const auto slices = weight.unflatten(1, {blocks, weight.size(1) / blocks}).transpose(0, 1);
  const auto [u, s, v] = at::linalg_svd(slices, /*full_matrices=*/false);
  const auto roots = s.sqrt();
  return {u * roots.unsqueeze(-2), roots.unsqueeze(-1) * v};
}

/// Squared length of what the slices lose with `rank` and `nonzeros`.
double lost(const at::Tensor& weight, const Factors& factors, int64_t rank, int64_t nonzeros) {
  const auto left = factors.left.narrow(-1, 0, rank);
  const auto kept = std::get<1>(left.abs().topk(nonzeros, -1));
  const auto masked = left * at::zeros_like(left).scatter(-1, kept, 1.0);
  const auto product = at::matmul(masked, factors.right.narrow(-2, 0, rank)).transpose(0, 1).flatten(1);
  return (weight - product).square().sum().item<double>();
}

double squared_length(const std::vector<at::Tensor>& weights) {
  double sum = 0.0;
  for (const auto& weight : weights) sum += weight.square().sum().item<double>();
  return sum;
}

/// Of the largest singular values of each.
double low_rank_error(const std::vector<at::Tensor>& weights, int64_t rank) {
  double sum = 0.0;
  for (const auto& weight : weights) {
    const auto values = at::linalg_svdvals(weight);
    sum += values.narrow(0, std::min(rank, values.size(0)), std::max<int64_t>(0, values.size(0) - rank))
               .square()
               .sum()
               .item<double>();
  }
  return std::sqrt(sum / squared_length(weights));
}

[[noreturn]] void refuse_model(const fs::path& model, const std::string& what) {
  fail<UsageError>("convert --factorize: {}: {}", model.string(), what);
}

/// The options of a GPT-2's factors, without their sizes.
DsformerOptions options_of_gpt2(const DecoderLmOptions& gpt2, const fs::path& place) {
  if (!gpt2.is_gpt2())
    refuse_model(place, fmt::format("a {}, expected a gpt2 or a nanoGPT", gpt2.architecture));
  if (!gpt2.tied()) refuse_model(place, "the head is not the embedding, which dsformer_lm has as one");
  if (gpt2.intermediate_size != 0 && gpt2.intermediate_size != 4 * gpt2.hidden_size)
    refuse_model(place, fmt::format("a hidden layer of {}, expected {}", gpt2.intermediate_size,
                                    4 * gpt2.hidden_size));
  constexpr double kUsualEps = 1e-5;
  if (gpt2.norm_eps != 0.0 && gpt2.norm_eps != kUsualEps)
    refuse_model(place, fmt::format("a norm_eps of {}, expected {}", gpt2.norm_eps, kUsualEps));
  const auto activation = gpt2.activation_name();
  const std::map<std::string, std::string> own{{"gelu_tanh", "gelu_new"}, {"gelu", "gelu"}, {"relu", "relu"}};
  if (!own.contains(activation)) refuse_model(place, fmt::format("the activation {}", gpt2.activation()));
  DsformerOptions options;
  options.vocab_size = gpt2.vocab_size;
  options.block_size = gpt2.max_position_embeddings;
  options.n_embd = gpt2.hidden_size;
  options.n_layer = gpt2.num_hidden_layers;
  options.n_head = gpt2.num_attention_heads;
  options.bias = true;
  options.activation_function = own.at(activation);
  return options;
}

/// What a folder's config.json says of its model.
DsformerOptions described(const fs::path& place) {
  if (const auto found = runtime::find_model_folder(place, "language")) {
    const auto model = found->config.at("model");
    const auto name = model.text("name");
    if (name == DecoderLmOptions::kName)
      return options_of_gpt2(model_options<DecoderLmOptions>(model), place);
    if (name != SsaOptions::kName)
      refuse_model(place,
                   fmt::format("a {}, expected a decoder_lm of the architecture gpt2, or an ssa_lm", name));
    const auto ssa = model_options<SsaOptions>(model);
    DsformerOptions options;
    options.vocab_size = ssa.vocab_size;
    options.block_size = ssa.block_size;
    options.n_embd = ssa.n_embd;
    options.n_layer = ssa.n_layer;
    options.n_head = ssa.n_head;
    return options;
  }
  if (is_published_decoder(place))
    return options_of_gpt2(published_decoder_options(Config::load(place / "config.json")), place);
  refuse_model(place, "no model folder, expected one with a config.json");
}

/// The weights of a kind of map, of all layers.
std::vector<at::Tensor> weights_of(const runtime::NamedTensors& dense, const std::string& map,
                                   int64_t layers) {
  std::vector<at::Tensor> weights;
  for (int64_t i = 0; i < layers; ++i)
    weights.push_back(dense.at(fmt::format("transformer.h.{}.{}.weight", i, map)).to(at::kFloat));
  return weights;
}

/// A training config that fine-tunes the folder, but for the text.
Json training_config(const Json& model, const Json& context, const fs::path& tokenizer) {
  return {{"model", model},
          {"data", {{"path", "text.txt"}, {"tokenizer", tokenizer.string()}, {"context", context}}},
          {"training",
           {{"init_from", "model.safetensors"},
            {"optimizer", "adamw"},
            {"learning_rate", 1e-4},
            {"lradj", "cosine"},
            {"clip_grad_norm", 1.0}}}};
}

}  // namespace

FactorChoice choose_factors(const std::string& map, const std::vector<at::Tensor>& weights, double ratio) {
  const int64_t out = weights.front().size(0), in = weights.front().size(1);
  const auto budget = static_cast<int64_t>(static_cast<double>(in * out) / ratio);
  double least = std::numeric_limits<double>::infinity();
  FactorChoice best;
  for (const auto blocks : kBlocks) {
    if (in % blocks != 0) continue;
    const int64_t full = std::min(in / blocks, out);
    std::vector<Factors> factors;
    for (const auto share : kRankShares) {
      const auto rank = std::max<int64_t>(1, static_cast<int64_t>(share * static_cast<double>(full)));
      const int64_t nonzeros = std::min(rank, (budget - rank * in) / (out * blocks));
      if (rank * in >= budget || nonzeros < 1) continue;
      if (factors.empty()) {
        for (const auto& weight : weights) factors.push_back(factors_of(weight, blocks));
      }
      double sum = 0.0;
      for (std::size_t i = 0; i < weights.size(); ++i) sum += lost(weights[i], factors[i], rank, nonzeros);
      if (sum >= least) continue;
      least = sum;
      best.sizes = {map, blocks, rank, nonzeros};
    }
  }
  if (!std::isfinite(least))
    fail<UsageError>("--ratio: {} leaves {} numbers for {} ({} x {}), too few for any factors", ratio, budget,
                     map, out, in);
  best.error = std::sqrt(least / squared_length(weights));
  best.svd_error = low_rank_error(weights, std::max<int64_t>(1, best.sizes.numbers(in, out) / (in + out)));
  return best;
}

Json factorise_model(const plan::ConvertTask& task, const runtime::CommandContext& context) {
  const torch::NoGradGuard no_grad;
  runtime::set_threads(task.threads);
  const auto place = model_place(task.input);
  auto options = described(place);
  const auto dense = nano_gpt_tensors(place);
  options.factors = task.factorize;
  Json maps = Json::array();
  // The first and the middle layer stand for all.
  context.progress.begin("maps", static_cast<int64_t>(std::size(kMaps)));
  for (const auto* map : kMaps) {
    const auto all = weights_of(dense, map, options.n_layer);
    std::vector<at::Tensor> some{all.front()};
    if (all.size() > 1) some.push_back(all[all.size() / 2]);
    const auto choice = choose_factors(map, some, task.ratio);
    options.ds_maps.push_back(choice.sizes);
    auto row = to_json(choice.sizes);
    row["dense_sparse_error"] = choice.error;
    row["low_rank_error"] = choice.svd_error;
    maps.push_back(row);
    context.progress.step();
    stop_if_asked(context.stop, "choosing factors");
  }
  context.progress.end();
  options.check();
  DsformerLm model(options);
  model.factorise(dense);
  auto section = to_json(options);
  section["name"] = DsformerOptions::kName;
  const auto config = Config::load(place / "config.json");
  const Json trained_context = config.json().value("context", Json(options.block_size));
  runtime::write_model_folder(
      task.output, {{"family", "language"}, {"model", section}, {"context", trained_context}}, model);
  const bool has_tokenizer = copy_tokenizer_files(place, task.output);
  write_atomically(
      task.output / "train.json",
      dump_json(training_config(section, trained_context, has_tokenizer ? "." : "bytes"), 2) + "\n");
  int64_t before = 0;
  for (const auto& [name, tensor] : dense) before += tensor.numel();
  return {{"output", task.output.string()},
          {"parameters_before", before},
          {"parameters", stored_numbers(model)},
          {"maps", maps}};
}

}  // namespace arzoo::language
