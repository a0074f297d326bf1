#include <torch/torch.h>

#include <algorithm>

#include "language/block_transformer_model.h"
#include "language/fixture.h"

namespace arzoo::language {
namespace {

using Places = BlockTransformer::Places;

BlockTransformerOptions block_options_of(const ParityCase& fixture) {
  const auto& config = fixture.config;
  if (whole_number(fixture, "n_embedding_tokens", 1) != 1)
    config.at("n_embedding_tokens").reject("is not supported, expected 1");
  Json own = config.json();
  if (own.contains("expansion_method") && own["expansion_method"].is_null()) own["expansion_method"] = "none";
  if (config.has("load_from_vanilla")) {
    const auto from = config.at("load_from_vanilla");
    const auto given = [&](const char* key) { return from.json().value(key, false); };
    own["from_method"] = from.text("method");
    own["from_mean_embedder"] = given("initialize_mean_embedder_projection");
    own["from_identity_expansion"] = given("initialize_identity_expansion_layer");
    own["from_computed_embeddings"] = given("compute_token_decoder_embeddings");
  }
  return options_among<BlockTransformerOptions>(Config(std::move(own), config.name()));
}

/// Logits as the official code leaves them: 0 where nothing is to be predicted.
at::Tensor shown_logits(BlockTransformer& model, const at::Tensor& ids, const at::Tensor& mask,
                        BlockPassTrace* trace) {
  const auto logits = model.block_logits(ids, mask, trace);
  return logits * mask.narrow(1, 1, mask.size(1) - 1).ne(0).unsqueeze(-1);
}

/// The official generation ends when padding and tokens together are as many as were asked for.
int64_t official_steps(int64_t prompt, int64_t asked, int64_t length) {
  const int64_t padded = (prompt + length - 1) / length * length, missing = prompt + asked - padded;
  return (missing + length - 1) / length * length;
}

struct Generated {
  at::Tensor ids, logits;  ///< [B, n], [B, n, V]
};

Generated generate(BlockTransformer& model, const at::Tensor& prompt, int64_t steps, Places places,
                   double temperature, nn::TokenRandomInputs& random_inputs) {
  nn::DecodingRules rules;
  rules.sampling.temperature = temperature;
  std::vector<at::Tensor> logits;
  const auto stream = model.stream(prompt.size(1) + steps, places);
  const auto ids =
      nn::decode_tokens(*stream, prompt, steps, rules, random_inputs, [&](const nn::DecodingStep& step) {
        logits.push_back(step.logits);
        return true;
      });
  return {ids.narrow(1, prompt.size(1), steps), at::stack(logits, 1)};
}

/// How many tokens of a block the official loop generates: until every row has ended. ended: of the rows
/// before the block; ids: [B, L].
int64_t generated_tokens(const at::Tensor& ids, const std::vector<bool>& ended, int64_t end) {
  int64_t count = 1;
  for (int64_t row = 0; row < ids.size(0); ++row) {
    if (ended[static_cast<std::size_t>(row)]) continue;
    int64_t own = 1;
    while (own < ids.size(1) && ids[row][own - 1].item<int64_t>() != end) ++own;
    count = std::max(count, own);
  }
  return count;
}

/// What the official loop returns of a greedy run with an end token: a row that ends is continued by id 1
/// while others go on within the block, and by padding from there on, until all rows have ended.
at::Tensor with_official_ends(const at::Tensor& ids, int64_t end, const BlockTransformerOptions& options) {
  constexpr int64_t kBesideOthers = 1;
  const int64_t length = options.block_length;
  auto out = ids.clone();
  std::vector<bool> ended(static_cast<std::size_t>(ids.size(0)));
  int64_t first = 0;
  for (; first < ids.size(1) && std::find(ended.begin(), ended.end(), false) != ended.end();
       first += length) {
    auto block = out.narrow(1, first, length);
    const int64_t count = generated_tokens(block, ended, end);
    for (int64_t row = 0; row < ids.size(0); ++row) {
      bool before = ended[static_cast<std::size_t>(row)], own = false;
      for (int64_t i = 0; i < length; ++i) {
        const bool is_end = !before && !own && block[row][i].item<int64_t>() == end;
        if (before || i >= count) {
          block[row][i] = options.pad_token_id;
        } else if (own) {
          block[row][i] = kBesideOthers;
        }
        own = own || is_end;
      }
      ended[static_cast<std::size_t>(row)] = before || own;
    }
  }
  return out.narrow(1, 0, first);
}

void check_generations(BlockTransformer& model, const ParityCase& fixture, ParityReport& report) {
  const auto &prompt = fixture.input("input_ids"), &variates = fixture.input("exp_noise");
  const int64_t steps = fixture.io.at("greedy").size(1), length = model.options().block_length;
  const int64_t official = official_steps(prompt.size(1), steps, length);
  const double temperature = real_number(fixture, "temperature", 1.0);
  const auto padding = (length - prompt.size(1) % length) % length;
  const auto blocks = at::constant_pad_nd(prompt, {padding, 0}, model.options().pad_token_id);
  const auto cut = [&](const at::Tensor& x) { return x.unflatten(1, {x.size(1) / length, length}); };
  const auto mask = cut(at::constant_pad_nd(at::ones_like(prompt), {padding, 0}, 0));
  report.check("blocks", cut(blocks));
  report.check("token_mask", mask);
  report.check("block_mask", mask.ne(0).any(2).to(at::kLong));
  nn::SeededRandomInputs none(std::vector<uint64_t>(static_cast<std::size_t>(prompt.size(0))));
  const auto check = [&](const std::string& name, int64_t count, Places places, double at,
                         nn::TokenRandomInputs& random_inputs) {
    const auto made = generate(model, prompt, count, places, at, random_inputs);
    report.check(name, made.ids);
    report.check(name + "_logits", made.logits);
    return made.ids;
  };
  nn::ReplayedRandomInputs recorded(variates.cpu().transpose(0, 1));
  check("greedy", steps, Places::trained, 0.0, none);
  check("sampled", steps, Places::trained, temperature, recorded);
  check("official_greedy", official, Places::official, 0.0, none);
  check("official_sampled", official, Places::official, temperature, recorded);
  const auto greedy = generate(model, prompt, official, Places::official, 0.0, none).ids;
  const auto ended = with_official_ends(greedy, fixture.input("eos_in_run").item<int64_t>(), model.options());
  report.check("official_eos_ids", at::cat({prompt.cpu(), ended}, 1));
}

/// The older case: whole blocks of a prompt, continued by whole blocks.
void check_greedy_blocks(BlockTransformer& model, const ParityCase& fixture, ParityReport& report) {
  const auto& prompt = fixture.input("greedy_prompt");
  const auto& expected = fixture.io.at("greedy_output");
  nn::SeededRandomInputs none(std::vector<uint64_t>(static_cast<std::size_t>(prompt.size(0))));
  const auto ids = prompt.flatten(1);
  const int64_t steps = (expected.size(1) - prompt.size(1)) * prompt.size(2);
  const auto made = generate(model, ids, steps, Places::trained, 0.0, none);
  report.check("greedy_output", at::cat({ids.cpu(), made.ids}, 1).view(expected.sizes()));
}

void check_pass(BlockTransformer& model, const ParityCase& fixture, ParityReport& report) {
  const auto &ids = fixture.input("input_ids"), &mask = fixture.input("attention_mask");
  {
    const torch::NoGradGuard no_grad;
    model.eval();
    BlockPassTrace trace;
    report.check("logits", shown_logits(model, ids, mask, &trace));
    check_if_listed("block_inputs", trace.block_inputs, fixture, report);
    check_if_listed("block_hidden", trace.block_hidden, fixture, report);
    check_if_listed("expanded", trace.expanded, fixture, report);
    if (fixture.has_input("greedy_prompt")) check_greedy_blocks(model, fixture, report);
  }
  model.train();
  const auto loss = model.block_loss(ids, mask);
  report.check("loss", loss);
  check_gradients(loss, model, fixture, report);
  if (!fixture.io.contains("train_losses")) return;
  // The older case decays every tensor, at another rate.
  const bool older = fixture.has_input("greedy_prompt");
  const Recipe recipe{.learning_rate = older ? 6e-4 : 1e-3, .weight_decay = 0.1};
  auto options = training_options(fixture, recipe, model);
  if (older) options.no_weight_decay.clear();
  const auto log = runtime::replay_training(
      {.model = model,
       .options = options,
       .steps = fixture.io.at("train_losses").size(0),
       .loss = [&](int64_t) -> runtime::Losses { return {.total = model.block_loss(ids, mask)}; }});
  report.check("train_losses", at::tensor(log.losses, at::kDouble));
  check_norms(model, fixture, report);
}

/// Whether the start from a vanilla model leaves a tensor as it was initialised.
bool stays_fresh(std::string_view name, const BlockTransformerOptions& options) {
  if (name.starts_with("token_decoder.expansion_layer.")) return !options.from_identity_expansion;
  if (name.starts_with("embedder.projection_layer.")) return !options.from_mean_embedder;
  return name.starts_with("block_decoder.gpt_neox.embed_in.") ||
         name.starts_with("block_decoder.gpt_neox.final_layer_norm.");
}

/// The block model made of the vanilla one; what stays fresh is as it was recorded.
void start_from_vanilla(BlockTransformer& model, const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  runtime::NamedTensors vanilla(fixture.name);
  constexpr std::string_view kPrefix = "vanilla.";
  for (const auto& [name, tensor] : fixture.weights()) vanilla.add(name.substr(kPrefix.size()), tensor);
  model.initialise();
  for (auto [name, tensor] : runtime::state_dict(model)) {
    if (stays_fresh(name, model.options()) && fixture.io.contains("made." + name))
      tensor.copy_(fixture.io.at("made." + name));
  }
  model.take_vanilla(vanilla);
  for (const auto& [name, tensor] : runtime::state_dict(model))
    check_if_listed("made." + name, tensor, fixture, report);
}

}  // namespace

void replay_block_transformer(const ParityCase& fixture, ParityReport& report) {
  BlockTransformer model(block_options_of(fixture));
  if (fixture.config.has("load_from_vanilla")) {
    start_from_vanilla(model, fixture, report);
    model.to(fixture.device);
  } else {
    fixture.load(model, fixture.weights());
  }
  if (fixture.has_input("exp_noise")) {
    model.eval();
    check_generations(model, fixture, report);
  } else {
    check_pass(model, fixture, report);
  }
}

}  // namespace arzoo::language
