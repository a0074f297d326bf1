#include "image/residual_quantizer.h"

#include <torch/torch.h>

#include <cmath>

#include "core/error.h"
#include "nn/cosine_heads.h"

namespace arzoo::image {
namespace {

constexpr double kSmallestShare = 1e-6;

/// numpy's linspace, whose rounding decides ties.
std::vector<double> evenly_spaced(double from, double to, int64_t count) {
  std::vector<double> values;
  const double step = count > 1 ? (to - from) / static_cast<double>(count - 1) : 0.0;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<double>(i) * step + from);
  if (count > 1) values.back() = to;
  return values;
}

/// Rows of one scale, [B, tokens, z], as a map [B, z, height, width].
at::Tensor as_map(const at::Tensor& rows, const Grid& grid) {
  return rows.transpose(1, 2).reshape({rows.size(0), rows.size(2), grid.height, grid.width});
}

}  // namespace

std::vector<int64_t> phi_indices(int64_t scales, int64_t phis) {
  const double margin = 1.0 / static_cast<double>(phis == 4 ? 3 * phis : 2 * phis);
  const auto ticks = evenly_spaced(margin, 1.0 - margin, phis);
  std::vector<int64_t> indices;
  for (int64_t k = 0; k < scales; ++k) {
    const double place = static_cast<double>(k) / static_cast<double>(scales - 1);
    const auto further = [&](double a, double b) { return std::abs(a - place) < std::abs(b - place); };
    indices.push_back(std::min_element(ticks.begin(), ticks.end(), further) - ticks.begin());
  }
  return indices;
}

ResidualQuantizer::ResidualQuantizer(const VqvaeOptions& options)
    : beta_(options.beta),
      share_(std::abs(options.quant_resi)),
      using_znorm_(options.using_znorm),
      band_rule_(options.band_rule) {
  const auto scales = static_cast<int64_t>(options.v_patch_nums.size());
  uses_ = register_buffer("ema_vocab_hit_SV", at::zeros({scales, options.vocab_size}));
  auto embedding = std::make_shared<torch::nn::Module>();
  codebook_ = embedding->register_parameter("weight", at::empty({options.vocab_size, options.z_channels}));
  register_module("embedding", embedding);
  if (share_ > kSmallestShare) register_phis(scales, options.share_quant_resi);
}

void ResidualQuantizer::register_phis(int64_t scales, int64_t shared) {
  const int64_t count = shared == 0 ? scales : shared, width = codebook_.size(1);
  for (int64_t i = 0; i < count; ++i)
    phis_.push_back(std::make_shared<nn::Conv2d>(nn::ConvShape{.in = width, .out = width}));
  torch::nn::ModuleList list;
  for (const auto& phi : phis_) list->push_back(phi);
  if (shared == 0) {
    register_module("quant_resi", list);
    return;
  }
  auto holder = std::make_shared<torch::nn::Module>();
  if (shared == 1) {
    holder->register_module("qresi", phis_.front());
  } else {
    holder->register_module("qresi_ls", list);
  }
  register_module("quant_resi", holder);
}

void ResidualQuantizer::initialise() {
  const torch::NoGradGuard no_grad;
  codebook_.normal_();
  for (const auto& phi : phis_) phi->initialise();
}

at::Tensor ResidualQuantizer::phi(const at::Tensor& h, int64_t k, int64_t scales) const {
  if (phis_.empty()) return h;
  const auto index = phi_indices(scales, static_cast<int64_t>(phis_.size()))[k];
  return h * (1.0 - share_) + phis_[index]->forward(h) * share_;
}

at::Tensor ResidualQuantizer::upsampled(const at::Tensor& code, at::IntArrayRef size, int64_t k,
                                        int64_t scales) const {
  const auto whole =
      k + 1 == scales ? code : at::upsample_bicubic2d(code, size.slice(2), /*align_corners=*/false);
  return phi(whole, k, scales);
}

at::Tensor ResidualQuantizer::nearest(const at::Tensor& rest, const Grid& grid) const {
  const torch::NoGradGuard no_grad;
  const auto size = rest.sizes();
  const bool same = size[2] == grid.height && size[3] == grid.width;
  const auto small = same ? rest : at::adaptive_avg_pool2d(rest, {grid.height, grid.width});
  const auto z = small.permute({0, 2, 3, 1}).reshape({-1, size[1]});
  const auto ids = [&] {
    if (using_znorm_) return nn::unit_vectors(z).matmul(nn::unit_vectors(codebook_).t()).argmax(1);
    return nearest_codes(z, codebook_);
  }();
  return ids.view({size[0], grid.tokens()});
}

at::Tensor ResidualQuantizer::lookup(const at::Tensor& ids, const Grid& grid) const {
  return as_map(at::embedding(codebook_, ids), grid);
}

std::vector<at::Tensor> ResidualQuantizer::targets(const at::Tensor& f, const Grids& grids) const {
  if (band_rule_ == "none") return std::vector<at::Tensor>(grids.size(), f);
  return FrequencyBands(band_rule_, grids).low_passes(f);
}

/// What scale k has to code: what is left of the scales before it and, of frequency bands, its own.
at::Tensor ResidualQuantizer::add_band(const at::Tensor& rest, const std::vector<at::Tensor>& targets,
                                       int64_t k) const {
  return k == 0 || band_rule_ == "none" ? rest : rest + (targets[k] - targets[k - 1]);
}

ResidualQuantizer::Code ResidualQuantizer::encode(const at::Tensor& f, const Grids& grids) const {
  const torch::NoGradGuard no_grad;
  const auto scales = static_cast<int64_t>(grids.size());
  if (!(grids.back() == Grid{f.size(2), f.size(3)})) {
    fail<UsageError>("vqvae: the last token map is {}x{}, expected the feature map's {}x{}",
                     grids.back().height, grids.back().width, f.size(2), f.size(3));
  }
  Code code;
  const auto wanted = targets(f.to(at::kFloat), grids);
  auto rest = wanted.front().clone(), f_hat = at::zeros_like(rest);
  for (int64_t k = 0; k < scales; ++k) {
    rest = add_band(rest, wanted, k);
    code.ids.push_back(nearest(rest, grids[k]));
    const auto h = upsampled(lookup(code.ids.back(), grids[k]), f.sizes(), k, scales);
    f_hat = f_hat + h;
    rest.sub_(h);
    code.f_hat.push_back(f_hat);
  }
  return code;
}

void ResidualQuantizer::add_scale(at::Tensor& f_hat, const at::Tensor& code, int64_t k,
                                  int64_t scales) const {
  f_hat.add_(upsampled(code, f_hat.sizes(), k, scales));
}

at::Tensor ResidualQuantizer::next_input(const at::Tensor& f_hat, const Grid& grid) {
  return at::adaptive_avg_pool2d(f_hat, {grid.height, grid.width}).flatten(2).transpose(1, 2);
}

/// What the scales are added to.
at::Tensor ResidualQuantizer::no_sum(const at::Tensor& like, const Grid& finest) const {
  return at::zeros({like.size(0), codebook_.size(1), finest.height, finest.width},
                   codebook_.options().dtype(at::kFloat).requires_grad(false));
}

std::vector<at::Tensor> ResidualQuantizer::sums(const std::vector<at::Tensor>& ids,
                                                const Grids& grids) const {
  const torch::NoGradGuard no_grad;
  const auto scales = static_cast<int64_t>(grids.size());
  auto f_hat = no_sum(ids.front(), grids.back());
  std::vector<at::Tensor> sums;
  for (int64_t k = 0; k < static_cast<int64_t>(ids.size()); ++k) {
    add_scale(f_hat, lookup(ids[k], grids[k]), k, scales);
    sums.push_back(f_hat.clone());
  }
  return sums;
}

at::Tensor ResidualQuantizer::vectors(const std::vector<at::Tensor>& ids) const {
  return at::embedding(codebook_, at::cat(ids, 1));
}

at::Tensor ResidualQuantizer::inputs_of(const at::Tensor& vectors, const Grids& grids) const {
  const torch::NoGradGuard no_grad;
  const auto scales = static_cast<int64_t>(grids.size());
  auto f_hat = no_sum(vectors, grids.back());
  std::vector<at::Tensor> inputs;
  int64_t begin = 0;
  for (int64_t k = 0; k + 1 < scales; ++k) {
    add_scale(f_hat, as_map(vectors.narrow(1, begin, grids[k].tokens()), grids[k]), k, scales);
    inputs.push_back(next_input(f_hat, grids[k + 1]));
    begin += grids[k].tokens();
  }
  return at::cat(inputs, 1);
}

at::Tensor ResidualQuantizer::sum_of(const at::Tensor& vectors, const Grids& grids) const {
  const auto scales = static_cast<int64_t>(grids.size());
  auto f_hat = no_sum(vectors, grids.back());
  int64_t begin = 0;
  for (int64_t k = 0; k < scales; ++k) {
    const auto code = as_map(vectors.narrow(1, begin, grids[k].tokens()), grids[k]);
    f_hat = f_hat + upsampled(code, f_hat.sizes(), k, scales);
    begin += grids[k].tokens();
  }
  return f_hat;
}

at::Tensor ResidualQuantizer::teacher_input(const std::vector<at::Tensor>& ids, const Grids& grids) const {
  return inputs_of(vectors(ids), grids);
}

ResidualQuantizer::Pass ResidualQuantizer::train_pass(const at::Tensor& f, const Grids& grids) const {
  const auto scales = static_cast<int64_t>(grids.size());
  const auto wanted = targets(f, grids);
  std::vector<at::Tensor> fixed;
  for (const auto& target : wanted) fixed.push_back(target.detach());
  auto rest = fixed.front().clone(), f_hat = at::zeros_like(rest);
  auto loss = at::zeros({}, f.options().requires_grad(false));
  std::vector<at::Tensor> ids;
  for (int64_t k = 0; k < scales; ++k) {
    rest = add_band(rest, fixed, k);
    ids.push_back(nearest(rest, grids[k]));
    const auto h = upsampled(lookup(ids.back(), grids[k]), f.sizes(), k, scales);
    f_hat = f_hat + h;
    rest = rest - h.detach();
    loss = loss + at::mse_loss(f_hat.detach(), wanted[k]) * beta_ + at::mse_loss(f_hat, fixed[k]);
  }
  return {f_hat.detach() - fixed.back() + f, loss / static_cast<double>(scales), std::move(ids)};
}

void ResidualQuantizer::count_uses(const std::vector<at::Tensor>& ids, bool first) {
  constexpr double kMemory = 0.99;
  const torch::NoGradGuard no_grad;
  for (std::size_t k = 0; k < ids.size(); ++k) {
    const auto counts = at::bincount(ids[k].flatten(), {}, codebook_.size(0)).to(at::kFloat);
    auto average = uses_[static_cast<int64_t>(k)];
    first ? average.copy_(counts) : average.lerp_(counts, 1.0 - kMemory);
  }
}

void ResidualQuantizer::replace_codes(const at::Tensor& unused, const at::Tensor& f, const Grids& grids) {
  const torch::NoGradGuard no_grad;
  // A codebook that is sampled anew has not coded anything yet.
  if (unused.all().item<bool>()) codebook_.zero_();
  const auto code = encode(f, grids);
  const auto low_passed = targets(f, grids);
  std::vector<at::Tensor> wanted;
  for (std::size_t k = 0; k < grids.size(); ++k) {
    const auto rest = k == 0 ? low_passed[k] : low_passed[k] - code.f_hat[k - 1];
    wanted.push_back(next_input(rest, grids[k]).flatten(0, 1));
  }
  const auto candidates = at::cat(wanted);
  const auto places = unused.nonzero().flatten();
  const auto sampled = at::randint(candidates.size(0), places.sizes(), at::kLong).to(f.device());
  codebook_.index_copy_(0, places, candidates.index_select(0, sampled));
  // As many uses as the others have: time to prove itself.
  uses_.index_fill_(1, places, uses_.mean());
}

}  // namespace arzoo::image
