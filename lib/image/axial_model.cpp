#include "image/axial_model.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "nn/storage_type.h"
#include "nn/variance_scaling.h"

namespace arzoo::image {
namespace {

constexpr double kChannelDivisor = 255.0;  // whatever the number of levels, as in the official code

AxialBlockOptions block_options(const AxialOptions& options, bool masked) {
  return {.width = options.emb_dim,
          .heads = options.num_heads,
          .hdim_factor = options.hdim_factor,
          .dropout = options.dropout,
          .masked = masked};
}

void initialise_table(at::Tensor table, double scale) {
  table.normal_(0.0, scale / std::sqrt(static_cast<double>(table.size(-1))));
}

/// Each row becomes the one before it along `axis`; the first is zero.
at::Tensor shifted(const at::Tensor& x, int64_t axis) {
  const auto first = at::zeros_like(x.narrow(axis, 0, 1));
  return at::cat({first, x.narrow(axis, 0, x.size(axis) - 1)}, axis);
}

at::Tensor with_condition(const at::Tensor& x, const at::Tensor& cond) {
  return cond.defined() ? x + cond : x;
}

/// Nats of the targets. logits: [..., K]; targets: [...] long; returns [...].
at::Tensor nats_of(const at::Tensor& logits, const at::Tensor& targets) {
  return at::cross_entropy_loss(logits.reshape({-1, logits.size(-1)}), targets.reshape({-1}), {},
                                at::Reduction::None)
      .view(targets.sizes());
}

/// The channel of each sample. x: [B, H, W, C]; slice: [B]; returns [B, H, W].
at::Tensor channel_of(const at::Tensor& x, const at::Tensor& slice) {
  const auto index = slice.view({-1, 1, 1, 1}).expand({x.size(0), x.size(1), x.size(2), 1});
  return x.gather(3, index).squeeze(3);
}

}  // namespace

at::Tensor along_rows(const AxialBlock& block, const at::Tensor& x) {
  return block.forward(x.reshape({-1, x.size(2), x.size(3)})).view(x.sizes());
}

at::Tensor along_columns(const AxialBlock& block, const at::Tensor& x) {
  const auto columns = x.transpose(1, 2).contiguous();
  return block.forward(columns.view({-1, x.size(1), x.size(3)})).view(columns.sizes()).transpose(1, 2);
}

AxialPixels::AxialPixels(const AxialOptions& options) : options_(options) {
  const int64_t width = options.emb_dim;
  embs_ = register_parameter("embs", at::empty({options.num_embs, width}));
  pos_embs_h_ = register_parameter("pos_embs_h", at::empty({options.rows(), width}));
  pos_embs_w_ = register_parameter("pos_embs_w", at::empty({options.img_width, width}));
  const auto block = [&](const std::string& name, bool masked) {
    return register_module(name, std::make_shared<AxialBlock>(block_options(options, masked)));
  };
  const bool has_outer = options.attention == "axial";
  for (int64_t i = 0; has_outer && i < options.num_outer_layers / 2; ++i) {
    outer_.push_back(block(fmt::format("outer_row_{}", i), /*masked=*/false));
    outer_.push_back(block(fmt::format("outer_col_{}", i), /*masked=*/true));
  }
  for (int64_t i = 0; i < options.num_inner_layers; ++i)
    inner_.push_back(block(fmt::format("inner_row_{}", i), /*masked=*/true));
  final_ln_ = register_module("final_ln", std::make_shared<AxialNorm>(width));
  final_dense_ = register_module("final_dense", std::make_shared<AxialDense>(width, options.num_embs));
}

at::Tensor AxialPixels::upper_context(at::Tensor u, runtime::Trace* trace) const {
  for (std::size_t i = 0; i < outer_.size(); ++i) {
    u = i % 2 == 0 ? along_rows(*outer_[i], u) : along_columns(*outer_[i], u);
    if (trace != nullptr) trace->emplace_back(fmt::format("outer_block{}", i), u);
  }
  return shifted(u, 1);
}

at::Tensor AxialPixels::forward(const at::Tensor& x, const at::Tensor& cond, runtime::Trace* trace) const {
  const auto h = embedded(x), base = with_condition(places(), cond);
  if (options_.attention == "raster") {
    const auto tokens = (shifted(h.flatten(1, 2), 1).view(h.sizes()) + base).flatten(1, 2);
    auto r = tokens;
    for (const auto& block : inner_) r = block->forward(r);
    return logits(r).view({x.size(0), x.size(1), x.size(2), -1});
  }
  auto r = shifted(h, 2) + base;
  if (options_.attention == "axial") {
    const auto upper = upper_context(h + base, trace);
    if (trace != nullptr) trace->emplace_back("upper", upper);
    r = r + upper;
  }
  for (const auto& block : inner_) r = along_rows(*block, r);
  if (trace != nullptr) trace->emplace_back("row_out", r);
  return logits(r);
}

at::Tensor AxialPixels::logits(const at::Tensor& r) const {
  return nn::linear(final_ln_->forward(r), final_dense_->map()).to(at::kFloat);
}

void AxialPixels::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& table : {embs_, pos_embs_h_, pos_embs_w_})
    initialise_table(table, options_.emb_init_scale);
  for (const auto& blocks : {outer_, inner_}) {
    for (const auto& block : blocks) block->initialise(options_.res_init_scale);
  }
  final_ln_->initialise();
  final_dense_->initialise(options_.logits_init_scale);
}

Axial::Axial(const AxialOptions& options) : options_(options) {
  const int64_t width = options.emb_dim;
  if (options.is_sliced()) {
    pos_embs_h_ = register_parameter("pos_embs_h", at::empty({options.img_height, width}));
    pos_embs_w_ = register_parameter("pos_embs_w", at::empty({options.img_width, width}));
    const auto conv = std::make_shared<torch::nn::Module>();
    conv_w_ = conv->register_parameter("w", at::empty({3, 3, 2 * options.img_channels, width}));
    conv_b_ = conv->register_parameter("b", at::empty({width}));
    register_module("exterior_input_conv", conv);
    for (int64_t i = 0; i < options.num_exterior_layers; ++i) {
      const auto name = fmt::format("exterior_{}_{}", i % 2 == 0 ? "row" : "col", i / 2);
      exterior_.push_back(
          register_module(name, std::make_shared<AxialBlock>(block_options(options, /*masked=*/false))));
    }
  }
  if (options.class_num > 0)
    class_emb_ = register_parameter("class_emb", at::empty({options.class_num + 1, width}));
  transformer2d_ = register_module("transformer2d", std::make_shared<AxialPixels>(options));
}

at::Tensor Axial::condition_of(const at::Tensor& labels) const {
  return class_emb_.defined() ? at::embedding(class_emb_, labels).view({-1, 1, 1, options_.emb_dim})
                              : at::Tensor();
}

at::Tensor Axial::dropped(const at::Tensor& labels) const {
  if (!class_emb_.defined()) return labels;
  const auto gone = at::rand({labels.size(0)}).lt(options_.label_drop_prob).to(labels.device());
  return labels.masked_fill(gone, options_.class_num);
}

/// The channels before `slice` and, as constant planes, which one it is: [B, 2 C, H, W].
at::Tensor Axial::exterior_input(const at::Tensor& x, const at::Tensor& slice) const {
  const auto channel = at::arange(options_.img_channels, slice.options()).view({1, 1, 1, -1});
  const auto own = slice.view({-1, 1, 1, 1});
  const auto type = conv_w_.scalar_type();
  const auto before = x.to(type) / kChannelDivisor * channel.lt(own);
  const auto which = channel.eq(own).to(type).expand(x.sizes());
  return at::cat({before, which}, 3).permute({0, 3, 1, 2});
}

at::Tensor Axial::conditioning(const at::Tensor& x, const at::Tensor& slice, const at::Tensor& cond) const {
  const auto kernel = conv_w_.permute({3, 2, 0, 1});
  const auto mixed = at::conv2d(exterior_input(x, slice), kernel, conv_b_, /*stride=*/1, /*padding=*/1);
  const auto places = pos_embs_h_.unsqueeze(1) + pos_embs_w_.unsqueeze(0);
  auto u = with_condition(mixed.permute({0, 2, 3, 1}) + places, cond);
  for (std::size_t i = 0; i < exterior_.size(); ++i)
    u = i % 2 == 0 ? along_rows(*exterior_[i], u) : along_columns(*exterior_[i], u);
  return u;
}

at::Tensor Axial::slice_nats(const at::Tensor& x, const at::Tensor& slice, const at::Tensor& cond) const {
  const auto target = channel_of(x, slice);
  return nats_of(transformer2d_->forward(target, conditioning(x, slice, cond)), target);
}

at::Tensor Axial::channel_logits(const at::Tensor& x, int64_t channel, const at::Tensor& cond) const {
  const auto slice = at::full({x.size(0)}, channel, x.options());
  return transformer2d_->forward(x.select(3, channel), conditioning(x, slice, cond));
}

at::Tensor Axial::stacked_logits(const at::Tensor& x, const at::Tensor& cond) const {
  return transformer2d_->forward(stacked_channels(x), stacked_condition(cond, options_.img_channels));
}

at::Tensor Axial::logits(const at::Tensor& x, const at::Tensor& cond) const {
  if (options_.is_sliced()) {
    std::vector<at::Tensor> channels;
    for (int64_t c = 0; c < options_.img_channels; ++c) channels.push_back(channel_logits(x, c, cond));
    return at::stack(channels, 3);
  }
  const auto tall = stacked_logits(x, cond);
  return tall.view({x.size(0), options_.img_channels, x.size(1), x.size(2), -1}).permute({0, 2, 3, 1, 4});
}

at::Tensor Axial::nats(const at::Tensor& x, const at::Tensor& cond) const {
  if (options_.is_sliced()) {
    // The logits of one channel at a time: at 256 levels they are most of the memory.
    std::vector<at::Tensor> channels;
    for (int64_t c = 0; c < options_.img_channels; ++c)
      channels.push_back(nats_of(channel_logits(x, c, cond), x.select(3, c)));
    return at::stack(channels, 3);
  }
  const auto tall = nats_of(stacked_logits(x, cond), stacked_channels(x));
  return tall.view({x.size(0), options_.img_channels, x.size(1), x.size(2)}).permute({0, 2, 3, 1});
}

at::Tensor Axial::loss(const at::Tensor& x, const at::Tensor& slice, const at::Tensor& cond) const {
  const auto all = options_.is_sliced() ? slice_nats(x, slice, cond) : nats(x, cond);
  return all.mean() / std::numbers::ln2;
}

void Axial::check_levels(const at::Tensor& x) const {
  if (x.dim() != 4 || x.size(1) != options_.img_height || x.size(2) != options_.img_width ||
      x.size(3) != options_.img_channels) {
    fail<DataError>("axial: pictures of [{}], expected [B, {}, {}, {}]",
                    fmt::format("{}", fmt::join(x.sizes(), ", ")), options_.img_height, options_.img_width,
                    options_.img_channels);
  }
  if (x.numel() == 0) return;
  const auto lowest = x.min().item<int64_t>(), highest = x.max().item<int64_t>();
  if (lowest < 0 || highest >= options_.num_embs)
    fail<DataError>("axial: a pixel of level {}, expected 0 to {} (num_embs - 1)",
                    lowest < 0 ? lowest : highest, options_.num_embs - 1);
}

void Axial::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& table : {pos_embs_h_, pos_embs_w_, class_emb_}) {
    if (table.defined()) initialise_table(table, options_.emb_init_scale);
  }
  if (conv_w_.defined()) {
    nn::variance_scaling_(conv_w_, conv_w_.size(0) * conv_w_.size(1) * conv_w_.size(2), 1.0);
    conv_b_.zero_();
  }
  for (const auto& block : exterior_) block->initialise(options_.res_init_scale);
  transformer2d_->initialise();
}

void Axial::set_type(at::ScalarType type) { nn::set_storage_type(*this, type); }

at::Tensor stacked_channels(const at::Tensor& x) {
  std::vector<int64_t> order{0, 3, 1, 2};
  for (int64_t axis = 4; axis < x.dim(); ++axis) order.push_back(axis);
  return x.permute(order).flatten(1, 2);
}

at::Tensor stacked_condition(const at::Tensor& cond, int64_t channels) {
  return !cond.defined() || cond.size(1) == 1 ? cond : cond.repeat({1, channels, 1, 1});
}

at::Tensor levels_of(const at::Tensor& pictures, const AxialOptions& options) {
  constexpr double kHalf = 127.5;
  constexpr int64_t kValues = 256;
  const auto values = (pictures.narrow(1, 0, options.img_channels) + 1.0).mul_(kHalf).round_().to(at::kLong);
  return at::floor_divide(values.clamp_(0, kValues - 1) * options.num_embs, kValues)
      .permute({0, 2, 3, 1})
      .contiguous();
}

at::Tensor pictures_of(const at::Tensor& levels, const AxialOptions& options) {
  constexpr double kWhite = 255.0;
  const auto values =
      (levels.to(at::kDouble) * (kWhite / static_cast<double>(options.num_embs - 1)) - 1e-6).ceil();
  const auto pictures = (values / kWhite).to(at::kFloat).permute({0, 3, 1, 2});
  return pictures.expand({pictures.size(0), 3, pictures.size(2), pictures.size(3)}).contiguous();
}

}  // namespace arzoo::image
