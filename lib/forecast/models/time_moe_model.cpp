#include "forecast/models/time_moe_model.h"

#include <torch/torch.h>

#include "kernels/linear.h"

namespace arzoo::forecast {
namespace {

/// A Linear under the official name of a head's only part.
class OutputHead : public torch::nn::Module {
 public:
  explicit OutputHead(const torch::nn::Linear& map) { register_module("out_layer", map); }
};

void initialise(torch::nn::Module& model, double stddev) {
  const torch::NoGradGuard no_grad;
  for (const auto& module : model.modules(/*include_self=*/false)) {
    auto* linear = module->as<torch::nn::Linear>();
    if (linear == nullptr) continue;
    linear->weight.normal_(0.0, stddev);
    if (linear->bias.defined()) linear->bias.zero_();
  }
}

/// The place of each token among those that count, as the official generation numbers them; 1 at padding.
at::Tensor positions_of(const at::Tensor& mask) { return (mask.cumsum(1) - 1).masked_fill(mask.eq(0), 1); }

}  // namespace

TimeMoeDecoder::TimeMoeDecoder(const TimeMoeOptions& options) : decoder_(options.decoder()) {
  embed_layer_ = register_module("embed_layer", std::make_shared<PointEmbedding>(options));
  auto list = register_module("layers", torch::nn::ModuleList());
  for (int64_t i = 0; i < options.num_hidden_layers; ++i) {
    const auto layer = std::make_shared<TimeMoeLayer>(options);
    weights_.blocks.push_back(layer->weights());
    list->push_back(layer);
  }
  weights_.norm =
      register_module("norm", std::make_shared<nn::RmsNorm>(options.hidden_size, options.rms_norm_eps))
          ->affine();
}

TimeMoeStates TimeMoeDecoder::forward(const TimeMoeInput& input) {
  const auto points = input.values.dim() == 2 ? input.values.unsqueeze(-1) : input.values;
  std::vector<nn::Routing> routing;
  nn::DecoderTrace trace;
  TimeMoeStates states;
  nn::DecoderPass pass;
  if (!input.sequences.empty()) {
    pass = nn::packed_pass(input.sequences);
    pass.position_ids = pass.position_ids.to(points.device());
  }
  if (input.position_ids.defined()) pass.position_ids = input.position_ids;
  pass.cache = input.cache;
  if (input.trace != nullptr) pass.trace = &trace;
  pass.attention_mask = input.attention_mask;
  pass.training = is_training();
  pass.routing = &routing;
  states.hidden = decoder_.forward(embed_layer_->forward(points), weights_, pass);
  for (const auto& layer : routing) states.router_logits.push_back(layer.logits);
  if (input.trace == nullptr) return states;
  input.trace->emplace_back("embed_out", trace.hidden.front());
  for (std::size_t i = 0; i < trace.blocks.size(); ++i) {
    record(*input.trace, fmt::format("layer{}", i), trace.blocks[i]);
    input.trace->emplace_back(fmt::format("layer{}.out", i), trace.hidden[i + 1]);
  }
  input.trace->emplace_back("final_norm_out", states.hidden);
  return states;
}

TimeMoe::TimeMoe(const TimeMoeOptions& options, const SeriesShape& shape)
    : AnyLengthForecaster(shape), options_(options) {
  decoder_ = register_module("model", std::make_shared<TimeMoeDecoder>(options));
  auto list = register_module("lm_heads", torch::nn::ModuleList());
  for (const auto horizon : options.horizon_lengths) {
    heads_.push_back(torch::nn::Linear(
        torch::nn::LinearOptions(options.hidden_size, horizon * options.input_size).bias(false)));
    list->push_back(std::make_shared<OutputHead>(heads_.back()));
  }
  initialise(*this, options.initializer_range);
}

at::ScalarType TimeMoe::type() const { return heads_.front()->weight.scalar_type(); }

at::Tensor TimeMoe::logits(const at::Tensor& hidden, std::size_t head) {
  return kernels::linear(hidden, heads_[head]->weight, {});
}

at::Tensor TimeMoe::logits_within(const at::Tensor& hidden, int64_t max_horizon) {
  std::size_t head = 0;
  while (head + 1 < heads_.size() && options_.horizon_lengths[head + 1] <= max_horizon) ++head;
  const auto all = logits(hidden, head);
  const int64_t wanted = max_horizon * options_.input_size;
  return all.size(-1) <= wanted ? all : all.narrow(-1, 0, wanted);
}

at::Tensor TimeMoe::generate(const at::Tensor& context, int64_t horizon, const at::Tensor& attention_mask,
                             std::vector<GenerationStep>* steps) {
  const torch::NoGradGuard no_grad;
  const int64_t rows = context.size(0), known = context.size(1), whole = known + horizon;
  // A number under a zero mask must not reach the sums: 0 * NaN is NaN.
  auto block = (attention_mask.defined() ? context.masked_fill(attention_mask.eq(0), 0) : context).to(type());
  auto mask = attention_mask.defined() ? attention_mask.to(at::kLong)
                                       : at::ones({rows, known}, context.options().dtype(at::kLong));
  nn::DecoderCache cache(options_.num_hidden_layers, whole);
  std::vector<at::Tensor> blocks{context.to(type())};
  for (int64_t length = known; length < whole;) {
    TimeMoeInput input;
    input.values = block;
    if (attention_mask.defined()) input.attention_mask = mask;
    const int64_t fed = block.size(1), ahead = whole - length;
    input.position_ids = positions_of(mask).narrow(1, length - fed, fed);
    input.cache = &cache;
    const auto last = states(input).hidden.narrow(1, fed - 1, 1);
    block = logits_within(last, ahead).squeeze(1);
    if (steps != nullptr) steps->push_back({fed, ahead, block.size(1), input.position_ids, block});
    blocks.push_back(block);
    mask = at::cat({mask, at::ones_like(block, mask.options())}, 1);
    length += block.size(1);
  }
  return at::cat(blocks, 1);
}

TimeMoeLoss TimeMoe::official_loss(const TimeMoeInput& input, const at::Tensor& labels,
                                   const at::Tensor& loss_masks, const runtime::JointSum& joint) {
  auto found = states(input);
  const auto truth = labels.dim() == 2 ? labels.unsqueeze(-1) : labels;
  TimeMoeLoss loss;
  for (std::size_t head = 0; head < heads_.size(); ++head) {
    const auto forecasts = logits(found.hidden, head);
    if (head == 0) loss.first_logits = forecasts;
    loss.heads.push_back(horizon_loss(forecasts.to(at::kFloat), truth, loss_masks, joint));
  }
  loss.total = at::stack(loss.heads).mean();
  if (options_.apply_aux_loss) {
    loss.balance =
        balance_loss(found.router_logits, options_.num_experts_per_tok, input.attention_mask, joint);
    loss.total = loss.total + options_.router_aux_loss_factor * loss.balance;
  }
  loss.router_logits = std::move(found.router_logits);
  return loss;
}

at::Tensor TimeMoe::forecast_rows(const at::Tensor& history, const at::Tensor& attention_mask,
                                  int64_t horizon) {
  if (options_.input_size != 1) {
    fail<ConfigError>(
        "time_moe: input_size: a model of {} numbers in a time point, expected 1 to forecast series",
        options_.input_size);
  }
  if (forecast_options_.roll_out == "one_step")
    return roll_out(history, horizon, attention_mask, forecast_options_, &counts_);
  return generate(history, horizon, attention_mask).narrow(1, history.size(1), horizon);
}

Json TimeMoe::decoding() const {
  if (forecast_options_.roll_out != "one_step") return nullptr;
  const auto share = [](int64_t part, int64_t all) {
    return static_cast<double>(part) / static_cast<double>(std::max<int64_t>(all, 1));
  };
  return {{"passes", counts_.passes},
          {"steps_per_pass", share(counts_.steps, counts_.passes)},
          {"accepted", share(counts_.accepted, counts_.drafts)}};
}

runtime::Losses TimeMoe::loss(const ForecastBatch& batch) {
  const auto rows = variate_rows(at::cat({batch.x_enc, batch.target}, 1));
  const int64_t tokens = rows.size(1) - 1;
  TimeMoeInput input;
  input.values = rows.narrow(1, 0, tokens);
  const auto found = official_loss(input, rows.narrow(1, 1, tokens),
                                   at::ones({rows.size(0), tokens}, rows.options()), batch.joint);
  return named_losses(found, options_);
}

template <>
std::shared_ptr<Forecaster> make(const TimeMoeOptions& options, const SeriesShape& shape) {
  return std::make_shared<TimeMoe>(options, shape);
}

}  // namespace arzoo::forecast
